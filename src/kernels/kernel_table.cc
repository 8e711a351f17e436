#include "kernels/kernel_table.h"

#include <algorithm>

#include "kernels/linear_amx.h"
#include "kernels/linear_neondot.h"
#include "kernels/linear_ref.h"
#include "kernels/linear_vnni.h"
#include "kernels/linear_words.h"
#include "kernels/pack_kernels.h"

namespace w8a16 {
namespace {

// Whose code measures rows and computes in float32, where an instruction set only adds a product of integers to it.
Isa BaseIsa(Isa isa) {
  switch (isa) {
    case Isa::kAmx:
    case Isa::kAvx512Vnni:
      return Isa::kAvx512;
    case Isa::kAvxVnni:
      return Isa::kAvx2;
    case Isa::kSve:
    case Isa::kNeonDot:
      return Isa::kNeon;
    default:
      return isa;
  }
}

const LinearKernel& BestLinear(Isa isa) {
  const LinearKernel* amx = isa == Isa::kAmx ? AmxLinearKernel() : nullptr;
  // Most processors with SVE have the dot products of NEON too, but not all (A64FX).
  const bool has_neon_dot = isa == Isa::kNeonDot || (isa == Isa::kSve && WhyUnavailable(Isa::kNeonDot).empty());
  const LinearKernel* neon_dot = has_neon_dot ? LinearNeonDot() : nullptr;
  for (const LinearKernel* kernel : {amx, LinearVnniFor(isa), neon_dot, LinearWordsFor(BaseIsa(isa))}) {
    if (kernel != nullptr) return *kernel;
  }
  return kLinearRef;
}

// With few rows memory is the limit. Then 16-bit words of x, half as many parts as digits and all of them in tiles of
// four outputs, read weights faster although they cost twice the instructions: 1.3 times at 3 and 4 rows of 16 bits.
// Rows of 24 bits are two words too, and better as three digits.
const LinearKernel* FewRowsLinear(Isa isa) { return isa == Isa::kAvx512Vnni ? LinearWordsFor(Isa::kAvx512) : nullptr; }

KernelTable MakeTable(Isa isa) {
  const Isa base = BaseIsa(isa);
  const PackKernels* pack = PackKernelsFor(base);
  return {isa,
          &BestLinear(isa),
          FewRowsLinear(isa),
          pack != nullptr ? pack->measure : MeasureRowsRef,
          &FloatKernelsFor(base),
          BlockAttentionFor(isa)};
}

const std::vector<KernelTable>& Tables() {
  static const std::vector<KernelTable> tables = [] {
    std::vector<KernelTable> list;
    for (Isa isa : AvailableIsas()) list.push_back(MakeTable(isa));
    return list;
  }();
  return tables;
}

std::vector<KernelTable>::const_iterator Find(Isa isa) {
  const std::vector<KernelTable>& tables = Tables();
  return std::find_if(tables.begin(), tables.end(), [isa](const KernelTable& table) { return table.isa == isa; });
}

}  // namespace

const KernelTable& Kernels(Isa isa) { return *Find(isa); }

const KernelTable& ActiveKernels() { return Kernels(ActiveIsa()); }

const KernelTable& KernelsForLinear(int64_t k) {
  auto table = Find(ActiveIsa());
  while (table->linear->declines(k) != nullptr) ++table;
  return *table;
}

}  // namespace w8a16
