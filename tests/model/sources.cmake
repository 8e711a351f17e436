w8a16_test(model
  generate_test.cc
  golden_test.cc
  model_test.cc
  rotary_test.cc
  stories_test.cc)
