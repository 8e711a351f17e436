w8a16_test(kernels
  float_attention_test.cc
  float_elementwise_test.cc
  float_linear_test.cc
  linear_kernel_test.cc)
