w8a16_test(arch architecture_test.cc)
