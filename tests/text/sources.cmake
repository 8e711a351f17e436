w8a16_test(text vectors_test.cc)
