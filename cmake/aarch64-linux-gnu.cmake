# Debian's cross compiler for 64-bit Arm (g++-aarch64-linux-gnu); what it makes is run by qemu-user, as the processor that
# QEMU_CPU names. Headers that are the same for all processors (Highway, nlohmann) are those of the machine that compiles.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)  # qemu-user need not be told where libraries for Arm are
set(OpenMP_gomp_LIBRARY gomp)             # CMake would find the shared one
