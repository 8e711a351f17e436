add_executable(test_torch torch/autograd_test.cc torch/command_test.cc torch/fallback_test.cc torch/operator_test.cc
  torch/replace_test.cc torch/script_test.cc torch/threads_test.cc)
target_link_libraries(test_torch PRIVATE w8a16_options w8a16_torch GTest::gmock GTest::gtest_main)
target_compile_definitions(test_torch PRIVATE
  W8A16_TORCH_COMMAND="$<TARGET_FILE:w8a16_torch_command>" W8A16_VERSION="${PROJECT_VERSION}")
add_dependencies(test_torch w8a16_torch_command)
gtest_discover_tests(test_torch PROPERTIES LABELS torch TIMEOUT 300)
