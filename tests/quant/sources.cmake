w8a16_test(quant quantize_test.cc dequantize_test.cc explanation_test.cc)
