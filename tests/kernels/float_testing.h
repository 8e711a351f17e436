#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/isa.h"
#include "kernels/float_kernels.h"

namespace w8a16::testing {

inline const std::vector<DType> kFloatTypes = {DType::kF32, DType::kF16, DType::kBF16};

/// Runs the test for each different table of float kernels that this machine can run.
class FloatKernelTest : public ::testing::TestWithParam<Isa> {
 protected:
  const FloatKernels& kernels() const { return FloatKernelsFor(GetParam()); }
};

/// One instruction set for each different table.
inline std::vector<Isa> TablesHere() {
  std::vector<Isa> isas;
  std::set<const FloatKernels*> seen;
  for (Isa isa : AvailableIsas()) {
    if (seen.insert(&FloatKernelsFor(isa)).second) isas.push_back(isa);
  }
  return isas;
}

#define W8A16_INSTANTIATE_FLOAT_TEST(Test)                                                  \
  INSTANTIATE_TEST_SUITE_P(Isas, Test, ::testing::ValuesIn(::w8a16::testing::TablesHere()), \
                           [](const auto& isa) { return std::string(::w8a16::IsaName(isa.param)); })

/// Memory that ends where memory that must not be touched begins.
class GuardedMemory {
 public:
  explicit GuardedMemory(size_t bytes) : bytes_(bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (bytes + page - 1) / page * page + page;
    map_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(map_ + mapped_ - page, page, PROT_NONE);
    data_ = map_ + mapped_ - page - bytes;
  }
  ~GuardedMemory() { munmap(map_, mapped_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  void* data() const { return data_; }

 private:
  size_t bytes_;
  size_t mapped_;
  std::byte* map_;
  std::byte* data_;
};

/// An array of kF32, kF16 or kBF16 in guarded memory.
class Array {
 public:
  Array(DType dtype, int64_t n) : dtype_(dtype), n_(n), memory_(static_cast<size_t>(n) * DTypeSize(dtype)) {}
  Array(DType dtype, const std::vector<float>& values) : Array(dtype, static_cast<int64_t>(values.size())) {
    for (int64_t i = 0; i < n_; ++i) StoreFloat(data(), dtype, i, values[static_cast<size_t>(i)]);
  }
  void* data() const { return memory_.data(); }
  float* floats() const { return static_cast<float*>(memory_.data()); }
  DType dtype() const { return dtype_; }
  int64_t size() const { return n_; }
  float operator[](int64_t i) const { return LoadFloat(data(), dtype_, i); }
  double at(int64_t i) const { return static_cast<double>((*this)[i]); }
  std::string bytes() const { return {static_cast<const char*>(data()), static_cast<size_t>(n_) * DTypeSize(dtype_)}; }

 private:
  DType dtype_;
  int64_t n_;
  GuardedMemory memory_;
};

inline std::vector<float> Gaussian(int64_t n, uint32_t seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = normal(random);
  return values;
}

/// Half a unit in the last place of dtype at v, where v rounds into it.
inline double HalfUlp(DType dtype, double v) {
  if (dtype == DType::kF32) return std::max(std::abs(v) * 0x1p-24, 0x1p-150);
  if (dtype == DType::kBF16) return std::max(std::abs(v) * 0x1p-8, 0x1p-134);
  return std::max(std::abs(v) * 0x1p-11, 0x1p-25);
}

/// `n` floats rounded one by one by the scalar functions.
inline std::string RoundedBytes(const float* values, int64_t n, DType dtype) {
  std::string bytes(static_cast<size_t>(n) * DTypeSize(dtype), '\0');
  for (int64_t i = 0; i < n; ++i) StoreFloat(bytes.data(), dtype, i, values[i]);
  return bytes;
}

}  // namespace w8a16::testing
