# Finds LibTorch's headers and libraries directly: TorchConfig.cmake insists on finding everything that PyTorch was built
# with (CUDA's compiler, protobuf), none of which is needed to use it from C++ on the CPU.
#
#   W8A16_TORCH_PYTHON   the Python whose PyTorch to use, where it brings headers
#   LIBTORCH_ROOT        a LibTorch folder (include/, lib/)
# Otherwise the system's (Debian: libtorch-dev). Gives the target w8a16_libtorch and LibTorch_VERSION.

if(NOT LIBTORCH_ROOT AND W8A16_TORCH_PYTHON)
  execute_process(
    COMMAND ${W8A16_TORCH_PYTHON} -c "import os, torch; print(os.path.dirname(torch.__file__))"
    OUTPUT_VARIABLE python_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(EXISTS "${python_torch}/include/torch/script.h")
    set(LIBTORCH_ROOT ${python_torch})
  endif()
endif()

# What another root gave is not kept.
if(NOT "${LIBTORCH_ROOT}" STREQUAL "${W8A16_LIBTORCH_ROOT_BEFORE}")
  foreach(name INCLUDE_DIR API_INCLUDE_DIR torch_LIBRARY torch_cpu_LIBRARY c10_LIBRARY)
    unset(LibTorch_${name} CACHE)
  endforeach()
endif()
set(W8A16_LIBTORCH_ROOT_BEFORE "${LIBTORCH_ROOT}" CACHE INTERNAL "")

set(only_root)
if(LIBTORCH_ROOT)
  set(only_root NO_DEFAULT_PATH)
endif()
find_path(LibTorch_INCLUDE_DIR torch/script.h HINTS ${LIBTORCH_ROOT}/include ${only_root})
find_path(LibTorch_API_INCLUDE_DIR torch/all.h
  HINTS ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include ${only_root} PATH_SUFFIXES torch/csrc/api/include)
foreach(library torch torch_cpu c10)
  find_library(LibTorch_${library}_LIBRARY ${library} HINTS ${LIBTORCH_ROOT}/lib ${only_root})
  list(APPEND LibTorch_LIBRARIES ${LibTorch_${library}_LIBRARY})
endforeach()

if(LibTorch_API_INCLUDE_DIR)
  foreach(header ${LibTorch_API_INCLUDE_DIR}/torch/version.h ${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h)
    if(EXISTS ${header} AND NOT LibTorch_VERSION)
      file(STRINGS ${header} version_line REGEX "#define TORCH_VERSION \"|\"[0-9]+\\.[0-9]+\\.[0-9]+")
      if(NOT version_line)
        file(STRINGS ${header} version_line REGEX "^ *\"[0-9]+\\.[0-9]+")
      endif()
      if(version_line MATCHES "([0-9]+\\.[0-9]+\\.[0-9]+)")
        set(LibTorch_VERSION ${CMAKE_MATCH_1})
      endif()
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY LibTorch_INCLUDE_DIR
                LibTorch_API_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION)

if(LibTorch_FOUND AND NOT TARGET w8a16_libtorch)
  add_library(w8a16_libtorch INTERFACE)
  target_include_directories(w8a16_libtorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_API_INCLUDE_DIR})
  # PyTorch from pip brings an OpenMP library under a name of its own; naming it first makes ours the same pool of threads.
  file(GLOB bundled_openmp ${LIBTORCH_ROOT}/lib/libgomp*.so*)
  if(NOT LIBTORCH_ROOT)
    set(bundled_openmp)
  endif()
  target_link_options(w8a16_libtorch INTERFACE -Wl,--as-needed)
  target_link_libraries(w8a16_libtorch INTERFACE ${bundled_openmp} ${LibTorch_LIBRARIES})
  # The C++ ABI that PyTorch was built with, where it says so.
  if(LIBTORCH_ROOT AND EXISTS ${LIBTORCH_ROOT}/share/cmake/Torch/TorchConfig.cmake)
    file(STRINGS ${LIBTORCH_ROOT}/share/cmake/Torch/TorchConfig.cmake abi REGEX "_GLIBCXX_USE_CXX11_ABI=[01]")
    if(abi MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
      target_compile_definitions(w8a16_libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=0)
    endif()
  endif()
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY
  LibTorch_c10_LIBRARY)
