w8a16_test(convert plan_test.cc convert_test.cc convert_failures_test.cc other_files_test.cc verify_test.cc
  real_checkpoints_test.cc golden_checkpoints_test.cc)
