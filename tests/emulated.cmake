# Tests of a cross-compiled build: GoogleTest from its sources, and each layer's program whole, once for each kind of
# processor that qemu-user is asked to be.
set(W8A16_GOOGLETEST_SOURCE /usr/src/googletest CACHE PATH "GoogleTest's sources (Debian: googletest)")
set(INSTALL_GTEST OFF)
add_subdirectory(${W8A16_GOOGLETEST_SOURCE} googletest EXCLUDE_FROM_ALL)

# An instruction set to force, which fails where it is not found, and a processor whose best it is. Vectors of SVE have 128
# bits (as Neoverse V2), 256 (V1), 512 (A64FX, which has no dot products of NEON) or, at most, 2048: lengths in bytes.
set(W8A16_EMULATED
  "neon cortex-a57"
  "neondot neoverse-n1"
  "sve max,sve-default-vector-length=16"
  "sve max,sve-default-vector-length=32"
  "sve a64fx"
  "sve max,sve-default-vector-length=256")

function(w8a16_add_tests LAYER)
  foreach(pair ${W8A16_EMULATED})
    string(REPLACE " " ";" pair ${pair})
    list(GET pair 0 isa)
    list(GET pair 1 processor)
    set(name ${LAYER}:${isa}:${processor})
    # qemu-user cannot start programs by itself, as tests in a fresh process do.
    add_test(NAME ${name} COMMAND test_${LAYER} --gtest_filter=-*DeathTest.* --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS ${LAYER} TIMEOUT 1200 ENVIRONMENT
      "QEMU_CPU=${processor};W8A16_ISA=${isa}")
  endforeach()
endfunction()
