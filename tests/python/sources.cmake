# The Python package on the library of this build, by pytest.
execute_process(COMMAND ${W8A16_TORCH_PYTHON} -c "import torch, pytest" RESULT_VARIABLE no_pytest OUTPUT_QUIET ERROR_QUIET)
if(no_pytest)
  message(STATUS "Python tests: left out, ${W8A16_TORCH_PYTHON} cannot import torch and pytest (Debian: python3-torch python3-pytest)")
else()
  add_test(NAME Python.Package
    COMMAND ${W8A16_TORCH_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_CURRENT_SOURCE_DIR}/python)
  add_test(NAME Python.Examples
    COMMAND ${W8A16_TORCH_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_CURRENT_SOURCE_DIR}/examples)
  set_tests_properties(Python.Package Python.Examples PROPERTIES LABELS python TIMEOUT 600
    ENVIRONMENT "PYTHONPATH=${PROJECT_SOURCE_DIR}/python;PYTHONDONTWRITEBYTECODE=1;W8A16_TORCH_LIBRARY=$<TARGET_FILE:w8a16_torch>;W8A16_BINARY_DIR=${PROJECT_BINARY_DIR}")
endif()
