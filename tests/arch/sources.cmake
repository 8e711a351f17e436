w8a16_test(arch
  architecture_test.cc
  families_test.cc
  modules_test.cc
  rope_test.cc)
