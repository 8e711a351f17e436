w8a16_test(text utf8_test.cc)
