# Finds the headers and libraries of LibTorch 2.8 or newer. PyTorch's own TorchConfig.cmake is not used: that of a CUDA build,
# which is what pip installs by default, fails where CUDA's compiler is missing, and nothing of CUDA is needed here.
#
#   LIBTORCH_ROOT        a LibTorch folder (include/, lib/, share/)
#   W8A16_TORCH_PYTHON   otherwise: the Python whose PyTorch to use
# Gives the target w8a16_libtorch, LibTorch_VERSION and LibTorch_ROOT_DIR.

set(LibTorch_ROOT_DIR "${LIBTORCH_ROOT}")
if(NOT LibTorch_ROOT_DIR AND W8A16_TORCH_PYTHON)
  execute_process(COMMAND ${W8A16_TORCH_PYTHON} -c "import torch; print(torch.utils.cmake_prefix_path)"
    OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(prefix)
    cmake_path(SET LibTorch_ROOT_DIR NORMALIZE ${prefix}/../..)
  endif()
endif()

set(LibTorch_LIBRARIES)
if(LibTorch_ROOT_DIR)
  if(NOT LibTorch_ROOT_DIR STREQUAL W8A16_LIBTORCH_ROOT_BEFORE)  # what another one gave is not kept
    foreach(name INCLUDE_DIR API_INCLUDE_DIR torch_LIBRARY torch_cpu_LIBRARY c10_LIBRARY)
      unset(LibTorch_${name} CACHE)
    endforeach()
    set(W8A16_LIBTORCH_ROOT_BEFORE "${LibTorch_ROOT_DIR}" CACHE INTERNAL "")
  endif()
  find_path(LibTorch_INCLUDE_DIR torch/script.h PATHS ${LibTorch_ROOT_DIR}/include NO_DEFAULT_PATH)
  find_path(LibTorch_API_INCLUDE_DIR torch/all.h PATHS ${LibTorch_ROOT_DIR}/include/torch/csrc/api/include NO_DEFAULT_PATH)
  foreach(library torch torch_cpu c10)
    find_library(LibTorch_${library}_LIBRARY ${library} PATHS ${LibTorch_ROOT_DIR}/lib NO_DEFAULT_PATH)
    list(APPEND LibTorch_LIBRARIES ${LibTorch_${library}_LIBRARY})
  endforeach()
  include(${LibTorch_ROOT_DIR}/share/cmake/Torch/TorchConfigVersion.cmake OPTIONAL)
  set(LibTorch_VERSION ${PACKAGE_VERSION})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY LibTorch_INCLUDE_DIR
                LibTorch_API_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION)

if(LibTorch_FOUND AND NOT TARGET w8a16_libtorch)
  add_library(w8a16_libtorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(w8a16_libtorch INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_API_INCLUDE_DIR})
  # PyTorch brings an OpenMP library under a name of its own; naming it first makes ours the same pool of threads.
  file(GLOB bundled_openmp ${LibTorch_ROOT_DIR}/lib/libgomp*.so*)
  target_link_options(w8a16_libtorch INTERFACE -Wl,--as-needed)
  target_link_libraries(w8a16_libtorch INTERFACE ${bundled_openmp} ${LibTorch_LIBRARIES})
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY
  LibTorch_c10_LIBRARY)
