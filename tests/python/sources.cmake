# The Python package as it is installed (make python), by pytest.
execute_process(COMMAND ${W8A16_TORCH_PYTHON} -c "from importlib.util import find_spec
raise SystemExit(not all(map(find_spec, ('torch', 'pytest', 'w8a16'))))" RESULT_VARIABLE missing)
if(missing)
  message(STATUS "Python tests: left out, ${W8A16_TORCH_PYTHON} lacks torch, pytest or w8a16 (make python)")
else()
  add_test(NAME Python.Package
    COMMAND ${W8A16_TORCH_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_CURRENT_SOURCE_DIR}/python)
  add_test(NAME Python.Examples
    COMMAND ${W8A16_TORCH_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_CURRENT_SOURCE_DIR}/examples)
  # The longest tests begin first.
  set_tests_properties(Python.Package Python.Examples PROPERTIES LABELS python TIMEOUT 1200 COST 1000
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;W8A16_BINARY_DIR=${PROJECT_BINARY_DIR}")
endif()
