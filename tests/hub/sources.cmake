if(W8A16_BUILD_CLI)
  w8a16_test(hub hub_id_test.cc settings_test.cc digest_test.cc cache_test.cc resolve_test.cc)
  target_sources(test_hub PRIVATE $<TARGET_OBJECTS:w8a16_hub>)
endif()
