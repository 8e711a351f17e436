w8a16_test(convert selection_test.cc guess_modules_test.cc shards_test.cc work_queue_test.cc convert_test.cc
  convert_failures_test.cc resume_test.cc dequantize_test.cc conv1d_test.cc other_files_test.cc verify_test.cc
  real_checkpoints_test.cc golden_checkpoints_test.cc
  layer_map_test.cc report_browser_test.cc report_numbers_test.cc report_page_test.cc report_reasons_test.cc)
