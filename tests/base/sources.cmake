w8a16_test(base dtype_test.cc parallel_test.cc float_env_test.cc isa_test.cc memory_and_strings_test.cc numbers_test.cc)
