w8a16_test(linear linear_test.cc explanation_test.cc tiny_products_test.cc)
