include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(W8A16_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/w8a16)
set(targets w8a16)
set(headers error.h dtype.h tensor.h quantize.h linear.h checkpoint.h)
if(W8A16_BUILD_MODEL)
  list(APPEND targets w8a16_models)
  list(APPEND headers model.h)
  set_target_properties(w8a16_models PROPERTIES EXPORT_NAME models)
endif()
list(TRANSFORM headers PREPEND ${PROJECT_SOURCE_DIR}/include/w8a16/)

install(TARGETS ${targets} EXPORT w8a16 ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/w8a16)
install(EXPORT w8a16 NAMESPACE w8a16:: DESTINATION ${W8A16_CMAKE_DIR} FILE w8a16-targets.cmake)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/w8a16-config.cmake.in
  ${PROJECT_BINARY_DIR}/w8a16-config.cmake INSTALL_DESTINATION ${W8A16_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/w8a16-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/w8a16-config.cmake ${PROJECT_BINARY_DIR}/w8a16-config-version.cmake
  DESTINATION ${W8A16_CMAKE_DIR})

# Relative, so that what is installed elsewhere (cmake --install --prefix) is found there.
file(RELATIVE_PATH W8A16_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(name ${targets})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
