# Debian's cross compiler for 64-bit Arm (g++-aarch64-linux-gnu), and its programs run by qemu-user. QEMU_CPU chooses the
# processor. Headers that are the same for all processors (Highway, nlohmann) come from the machine that compiles.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
# Starting a program takes an emulator longer than running a test, and most of that is linking.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(OpenMP_gomp_LIBRARY gomp)  # CMake would find the shared library
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
