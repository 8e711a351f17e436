w8a16_test(kernels linear_kernel_test.cc)
