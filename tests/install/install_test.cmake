# Installs the built project into an empty directory and builds a program on what is there, by CMake and by pkg-config.
# cmake -DBUILD=... -DSOURCE=... -DWORK=... -DCXX=... -P install_test.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nfailed:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_output)
  # 0.5 - 2.54 - 0.25 and 1 + 0.5, up to the quantization of the weights.
  if(NOT output MATCHES "^-2\\.2(8|9)[0-9] 1\\.50[0-9]\n$")
    message(FATAL_ERROR "unexpected output: ${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)

run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install/consumer -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
expect_output()
if(EXISTS ${WORK}/build/torch_consumer)
  run(${WORK}/build/torch_consumer)
  if(NOT output STREQUAL "[1, 2]\n")
    message(FATAL_ERROR "unexpected output of torch_consumer: ${output}")
  endif()
endif()

file(GLOB_RECURSE pc ${WORK}/prefix/w8a16.pc)
get_filename_component(pc_dir ${pc} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run(pkg-config --cflags --libs w8a16)
separate_arguments(flags UNIX_COMMAND "${output}")
run(${CXX} -std=c++20 ${SOURCE}/tests/install/consumer/main.cc -o ${WORK}/by_pkg_config ${flags})
run(${WORK}/by_pkg_config)
expect_output()
file(REMOVE_RECURSE ${WORK})
