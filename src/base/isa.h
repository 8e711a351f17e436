#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace w8a16 {

/// Instruction sets that have kernels of their own, by the names of the environment variable W8A16_ISA, best first on
/// each machine family.
enum class Isa : int { kAmx, kAvx512Vnni, kAvx512, kAvxVnni, kAvx2, kSse4, kSve, kNeonDot, kNeon, kRef };

/// "amx", "avx512vnni", "avx512", "avxvnni", "avx2", "sse4", "sve", "neondot", "neon", "ref".
const char* IsaName(Isa isa);

/// All instruction sets that are built in and that processor and operating system allow, best first; the last is kRef.
/// The list is the same for the whole life of the process.
const std::vector<Isa>& AvailableIsas();

/// Why `isa` cannot run here ("this processor has no AVX-512 VNNI", "not built for this architecture"), empty if it
/// can.
std::string WhyUnavailable(Isa isa);

/// Products of bf16 numbers, which some processors with AVX-512 and AMX have and others do not.
bool HasAvx512Bf16();
bool HasAmxBf16();

/// The instruction set in force: what SelectIsa chose, else W8A16_ISA, else the best available. Throws Error, listing
/// the available ones, where W8A16_ISA names an unknown or unavailable one.
Isa ActiveIsa();

/// Chooses for the whole process from now on (tests, benchmarks). Layers that exist keep the kernel they were made
/// with.
void SelectIsa(Isa isa);
/// By name, with the same errors as W8A16_ISA.
void SelectIsa(std::string_view name);

}  // namespace w8a16
