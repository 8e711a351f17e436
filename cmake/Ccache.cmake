# ccache, where it is installed. Paths are relative to the build folder, so that the folders of one tree (build, that of the
# Python package) and other clones of it share objects.
find_program(W8A16_CCACHE ccache DOC "Keeps compiled objects; empty for none")
mark_as_advanced(W8A16_CCACHE)
if(W8A16_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The last one is what ccache asks for where headers are precompiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${W8A16_CCACHE})
endif()
