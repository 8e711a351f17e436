#include "base/isa.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "base/strings.h"
#include "w8a16/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace w8a16 {
namespace {

struct IsaEntry {
  Isa isa;
  const char* name;
};

// Best first; names are the contract of W8A16_ISA.
constexpr std::array<IsaEntry, 10> kIsas = {{{Isa::kAmx, "amx"},
                                             {Isa::kAvx512Vnni, "avx512vnni"},
                                             {Isa::kAvx512, "avx512"},
                                             {Isa::kAvxVnni, "avxvnni"},
                                             {Isa::kAvx2, "avx2"},
                                             {Isa::kSse4, "sse4"},
                                             {Isa::kSve, "sve"},
                                             {Isa::kNeonDot, "neondot"},
                                             {Isa::kNeon, "neon"},
                                             {Isa::kRef, "ref"}}};

#if defined(__x86_64__)

struct X86Features {
  bool sse4 = false, avx2 = false, avxvnni = false, avx512 = false, avx512vnni = false, amx = false;
  bool avx512bf16 = false, amxbf16 = false;
};

uint64_t ReadXcr0() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

// The processor may have registers that the operating system does not save: XCR0 says which it does, and Linux gives
// out the AMX tile registers only to processes that ask.
X86Features DetectX86() {
  X86Features f;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
  uint32_t d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return f;
  f.sse4 = (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0 && (c & bit_SSE4_2) != 0 && (c & bit_PCLMUL) != 0 &&
           (c & bit_AES) != 0;
  const bool fma_f16c = (c & bit_FMA) != 0 && (c & bit_F16C) != 0 && (c & bit_AVX) != 0;
  const uint64_t xcr0 = (c & bit_OSXSAVE) != 0 ? ReadXcr0() : 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return f;
  const uint32_t b7 = b;
  const uint32_t c7 = c;
  const uint32_t d7 = d;
  uint32_t a71 = 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) a71 = a;

  const bool ymm = (xcr0 & 0x06) == 0x06;
  const bool zmm = (xcr0 & 0xE6) == 0xE6;
  const bool tiles = (xcr0 & 0x60000) == 0x60000;
  f.avx2 = f.sse4 && ymm && fma_f16c && (b7 & bit_AVX2) != 0 && (b7 & bit_BMI) != 0 && (b7 & bit_BMI2) != 0;
  f.avxvnni = f.avx2 && (a71 & (1U << 4)) != 0;
  constexpr uint32_t kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL | bit_AVX512CD;
  f.avx512 = f.avx2 && zmm && (b7 & kAvx512) == kAvx512;
  f.avx512vnni = f.avx512 && (c7 & bit_AVX512VNNI) != 0;
  f.avx512bf16 = f.avx512 && (a71 & (1U << 5)) != 0;
  constexpr uint32_t kAmxTileInt8 = (1U << 24) | (1U << 25);
  if (f.avx512vnni && tiles && (d7 & kAmxTileInt8) == kAmxTileInt8) {
    constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
    f.amx = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
    f.amxbf16 = f.amx && (d7 & (1U << 22)) != 0;
  }
  return f;
}

const X86Features& Features() {
  static const X86Features features = DetectX86();
  return features;
}

bool Detect(Isa isa) {
  const X86Features& features = Features();
  switch (isa) {
    case Isa::kAmx:
      return features.amx;
    case Isa::kAvx512Vnni:
      return features.avx512vnni;
    case Isa::kAvx512:
      return features.avx512;
    case Isa::kAvxVnni:
      return features.avxvnni;
    case Isa::kAvx2:
      return features.avx2;
    case Isa::kSse4:
      return features.sse4;
    default:
      return isa == Isa::kRef;
  }
}

bool BuiltForThisArchitecture(Isa isa) { return isa < Isa::kSve || isa == Isa::kRef; }

#elif defined(__aarch64__)

// Highway compiles its NEON target with the cryptographic extensions too, but compilers use those only where they are
// called, which nothing here does: processors without them (Raspberry Pi 4) run it. The dot products are compiled for
// Armv8.2, whose other additions the compiler may use.
bool Detect(Isa isa) {
  static const unsigned long hwcap = getauxval(AT_HWCAP);
  const auto has = [](unsigned long features) { return (hwcap & features) == features; };
  switch (isa) {
    case Isa::kSve:
      return has(HWCAP_ASIMD | HWCAP_SVE);
    case Isa::kNeonDot:
      return has(HWCAP_ASIMD | HWCAP_ASIMDDP | HWCAP_CRC32 | HWCAP_ATOMICS | HWCAP_ASIMDRDM);
    case Isa::kNeon:
      return has(HWCAP_ASIMD);
    default:
      return isa == Isa::kRef;
  }
}

bool BuiltForThisArchitecture(Isa isa) { return isa >= Isa::kSve; }

#else

bool Detect(Isa isa) { return isa == Isa::kRef; }
bool BuiltForThisArchitecture(Isa isa) { return isa == Isa::kRef; }

#endif

std::string AvailableNames() {
  std::vector<std::string> names;
  for (Isa isa : AvailableIsas()) names.emplace_back(IsaName(isa));
  return Join(names, ", ");
}

Isa ParseIsa(std::string_view name, std::string_view source) {
  for (const IsaEntry& entry : kIsas) {
    if (name != entry.name) continue;
    const std::string why = WhyUnavailable(entry.isa);
    if (!why.empty()) throw Error(StrCat(source, "=", name, ": ", why, "; use one of: ", AvailableNames()));
    return entry.isa;
  }
  throw Error(StrCat(source, "=", name, ": unknown instruction set; use one of: ", AvailableNames()));
}

Isa DefaultIsa() {
  const char* forced = std::getenv("W8A16_ISA");
  if (forced != nullptr && *forced != '\0') return ParseIsa(forced, "W8A16_ISA");
  return AvailableIsas().front();
}

// -1: not chosen yet.
std::atomic<int> g_selected{-1};

}  // namespace

const char* IsaName(Isa isa) { return kIsas[static_cast<size_t>(isa)].name; }

const std::vector<Isa>& AvailableIsas() {
  static const std::vector<Isa> available = [] {
    std::vector<Isa> list;
    for (const IsaEntry& entry : kIsas) {
      if (WhyUnavailable(entry.isa).empty()) list.push_back(entry.isa);
    }
    return list;
  }();
  return available;
}

std::string WhyUnavailable(Isa isa) {
  if (!BuiltForThisArchitecture(isa)) return "not an instruction set of this processor family";
  if (!Detect(isa)) return StrCat("this processor or operating system does not offer ", IsaName(isa));
  return "";
}

#if defined(__x86_64__)
bool HasAvx512Bf16() { return Features().avx512bf16; }
bool HasAmxBf16() { return Features().amxbf16; }
#else
bool HasAvx512Bf16() { return false; }
bool HasAmxBf16() { return false; }
#endif

Isa ActiveIsa() {
  int selected = g_selected.load(std::memory_order_relaxed);
  if (selected < 0) {
    selected = static_cast<int>(DefaultIsa());
    g_selected.store(selected, std::memory_order_relaxed);
  }
  return static_cast<Isa>(selected);
}

void SelectIsa(Isa isa) {
  const std::string why = WhyUnavailable(isa);
  if (!why.empty()) throw Error(StrCat(IsaName(isa), ": ", why, "; use one of: ", AvailableNames()));
  g_selected.store(static_cast<int>(isa), std::memory_order_relaxed);
}

void SelectIsa(std::string_view name) { SelectIsa(ParseIsa(name, "instruction set")); }

}  // namespace w8a16
