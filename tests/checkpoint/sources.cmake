w8a16_test(checkpoint json_test.cc mapped_file_test.cc atomic_file_test.cc safetensors_test.cc safetensors_writer_test.cc
  torch_file_test.cc quantization_config_test.cc module_pattern_test.cc quantized_tensors_test.cc foreign_layers_test.cc checkpoint_test.cc)
