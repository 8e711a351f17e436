w8a16_test(convert plan_test.cc convert_test.cc convert_failures_test.cc other_files_test.cc verify_test.cc
  real_checkpoints_test.cc
  layer_map_test.cc report_browser_test.cc report_numbers_test.cc report_page_test.cc report_reasons_test.cc)
