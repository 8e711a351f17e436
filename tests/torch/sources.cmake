add_executable(test_torch torch/operator_test.cc torch/replace_test.cc torch/script_test.cc)
target_link_libraries(test_torch PRIVATE w8a16_options w8a16_torch GTest::gmock GTest::gtest_main)
gtest_discover_tests(test_torch PROPERTIES LABELS torch TIMEOUT 300)
