# One target per folder of src/. A target sees its own headers and those of the layers it names, and nothing else: headers
# are reached through a directory of links made for each layer, so that a forbidden include does not compile.

add_library(w8a16_options INTERFACE)
# Results are promised bit for bit: no contraction of a multiplication and an addition into one rounding.
target_compile_options(w8a16_options INTERFACE -ffp-contract=off -fno-math-errno -Wall -Wextra -Wpedantic -Wshadow)
if(W8A16_WERROR)
  target_compile_options(w8a16_options INTERFACE -Werror)
endif()

# w8a16_layer(NAME SOURCES file... [PUBLIC_HEADERS h...] [DEPENDS layer...] [LIBRARIES lib...])
#   w8a16_NAME          the objects
#   w8a16_NAME_headers  what others link to see the layer's headers, and those of the layers below it
function(w8a16_layer NAME)
  cmake_parse_arguments(L "" "" "PUBLIC_HEADERS;DEPENDS;LIBRARIES;SOURCES" ${ARGN})
  set(root ${PROJECT_BINARY_DIR}/layers/${NAME})
  file(MAKE_DIRECTORY ${root}/w8a16)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${NAME} ${root}/${NAME} SYMBOLIC)
  foreach(header ${L_PUBLIC_HEADERS})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/include/w8a16/${header} ${root}/w8a16/${header} SYMBOLIC)
  endforeach()
  add_library(w8a16_${NAME}_headers INTERFACE)
  target_include_directories(w8a16_${NAME}_headers INTERFACE ${root})
  target_link_libraries(w8a16_${NAME}_headers INTERFACE ${L_LIBRARIES})
  foreach(dependency ${L_DEPENDS})
    target_link_libraries(w8a16_${NAME}_headers INTERFACE w8a16_${dependency}_headers)
  endforeach()
  list(TRANSFORM L_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/${NAME}/)
  add_library(w8a16_${NAME} OBJECT ${L_SOURCES})
  target_link_libraries(w8a16_${NAME} PRIVATE w8a16_options w8a16_${NAME}_headers)
endfunction()
