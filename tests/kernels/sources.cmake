w8a16_test(kernels
  amx_emulation.cc
  block_attention_test.cc
  float_attention_test.cc
  float_elementwise_test.cc
  float_linear_test.cc
  linear_kernel_test.cc)
# The file includes a kernel's source; see there for why GCC needs this.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set_source_files_properties(kernels/amx_emulation.cc PROPERTIES COMPILE_OPTIONS "-Wno-uninitialized;-Wno-maybe-uninitialized")
endif()
