if(W8A16_BUILD_CLI)
  w8a16_test(cli bad_input_test.cc bench_test.cc chat_test.cc demo_test.cc dequantize_test.cc disk_full_test.cc documents_test.cc eval_test.cc
    generate_test.cc inspect_test.cc interrupt_test.cc logits_test.cc model_sources_test.cc output_test.cc quantize_test.cc
    report_option_test.cc resume_test.cc usage_test.cc)
  target_sources(test_cli PRIVATE $<TARGET_OBJECTS:w8a16_cli> $<TARGET_OBJECTS:w8a16_hub>)
  add_dependencies(test_cli w8a16_command)
endif()
