#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/machine.h"
#include "cli/median.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "w8a16/error.h"
#include "w8a16/linear.h"

namespace w8a16 {
namespace {

struct BenchLinearArgs {
  std::string m = "1,16,512";
  int64_t n = 4096;
  int64_t k = 4096;
  std::string dtype = "bf16";
  int threads = 0;
  bool json = false;
};

struct Result {
  int64_t m = 0;
  double seconds = 0;  // median of one call
  double flops_per_second = 0;
  double weight_bytes_per_second = 0;
  MachineLimits limits;  // measured between the calls
};

// xorshift64*: fast enough to fill gigabytes.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DU;
  }

 private:
  uint64_t state_;
};

// Bytes of q + 128 with q in [-127, 127].
void FillWeights(std::byte* weights, int64_t bytes) {
  ParallelFor(bytes, int64_t{1} << 20, 4096, [&](int64_t begin, int64_t end) {
    Random random(static_cast<uint64_t>(begin) + 1);
    for (int64_t i = begin; i < end; ++i) {
      const auto byte = static_cast<uint8_t>(random.Next() >> 56);
      weights[i] = std::byte{std::max<uint8_t>(1, byte)};
    }
  });
}

// A sum of four uniform numbers: close enough to the bell shape of real activations for their row scales to be
// ordinary.
void FillActivations(const Matrix& x) {
  Random random(42);
  for (int64_t i = 0; i < x.rows * x.cols; ++i) {
    const uint64_t bits = random.Next();
    float sum = 0;
    for (int part = 0; part < 4; ++part) sum += static_cast<float>((bits >> (16 * part)) & 0xFFFFU) / 65536.0F - 0.5F;
    StoreFloat(x.data, x.dtype, i, sum);
  }
}

// The median of many calls, with samples of the machine's limits in between.
double MedianCallSeconds(const Linear& layer, const Matrix& x, const Matrix& y, MachineProbe& probe) {
  using Clock = std::chrono::steady_clock;
  constexpr double kBurst = 0.03;  // seconds from one sample to the next
  Workspace workspace;
  const auto call = [&] {
    const Clock::time_point start = Clock::now();
    layer.Forward(x, y, workspace);
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  call();
  std::vector<double> seconds;
  double total = 0;
  while (seconds.size() < 5 || (total < 0.5 && seconds.size() < 5000)) {
    probe.Sample();
    // The sample has emptied the caches.
    call();
    for (double burst = 0; burst < kBurst; burst += seconds.back()) seconds.push_back(call());
    total += kBurst;
  }
  return Median(std::move(seconds));
}

Result Measure(const Linear& layer, int64_t m, DType dtype, MachineProbe& probe) {
  const int64_t n = layer.out_features();
  const int64_t k = layer.in_features();
  AlignedBuffer x_memory(static_cast<size_t>(m * k) * DTypeSize(dtype));
  AlignedBuffer y_memory(static_cast<size_t>(m * n) * DTypeSize(dtype));
  const Matrix x = {x_memory.data(), dtype, m, k, k};
  const Matrix y = {y_memory.data(), dtype, m, n, n};
  FillActivations(x);
  Result result;
  result.m = m;
  const size_t first_sample = probe.samples();
  result.seconds = MedianCallSeconds(layer, x, y, probe);
  result.limits = probe.Median(first_sample);
  result.flops_per_second =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / result.seconds;
  result.weight_bytes_per_second = static_cast<double>(n) * static_cast<double>(k) / result.seconds;
  return result;
}

void PrintResults(const BenchLinearArgs& args, const char* isa, const std::vector<Result>& results,
                  const MachineLimits& limits) {
  PrintText(fmt::format(
      "{} threads, {}, {} activations. This machine reads {} and does at most {} with two digits.\n\n", MaxThreads(),
      isa, args.dtype, FormatRate(limits.read_bytes_per_second, "B/s"), FormatRate(limits.flops_per_second, "FLOP/s")));
  Table table({">m", ">n", ">k", ">one call", ">arithmetic", ">of peak", ">weights read", ">of memory speed"});
  for (const Result& r : results) {
    table.AddRow({std::to_string(r.m), std::to_string(args.n), std::to_string(args.k), FormatSeconds(r.seconds),
                  FormatRate(r.flops_per_second, "FLOP/s"),
                  FormatPercent(r.flops_per_second, r.limits.flops_per_second),
                  FormatRate(r.weight_bytes_per_second, "B/s"),
                  FormatPercent(r.weight_bytes_per_second, r.limits.read_bytes_per_second)});
  }
  PrintText(table.Render());
}

void RunBenchLinear(const BenchLinearArgs& args) {
  const std::vector<int64_t> rows = ParseNumberList(args.m, "--m", 1);
  const int64_t largest_m = *std::max_element(rows.begin(), rows.end());
  if (largest_m > std::numeric_limits<int64_t>::max() / (4 * std::max(args.n, args.k))) {
    throw Error(StrCat("--m ", largest_m, ": a matrix of so many rows does not fit memory"));
  }
  ApplyThreads(args.threads);
  const DType dtype = *ParseDTypeOption(args.dtype);
  AlignedBuffer weights(static_cast<size_t>(args.n * args.k));
  FillWeights(weights.data(), args.n * args.k);
  const std::vector<float> scales(static_cast<size_t>(args.n), 1.0F / 1024);
  Int8Weights int8;
  int8.data = weights.data();
  int8.encoding = Int8Encoding::kFlipped;
  int8.out_features = args.n;
  int8.in_features = args.k;
  int8.row_stride = args.k;
  int8.scales = scales.data();
  const Linear layer(int8, "bench");
  std::vector<Result> results;
  results.reserve(rows.size());
  MachineProbe probe;
  for (int64_t m : rows) results.push_back(Measure(layer, m, dtype, probe));
  const MachineLimits limits = probe.Median();
  if (!args.json) {
    PrintResults(args, layer.isa(), results, limits);
    return;
  }
  Json list = Json::array();
  for (const Result& r : results) {
    list.push_back({{"m", r.m},
                    {"n", args.n},
                    {"k", args.k},
                    {"dtype", args.dtype},
                    {"isa", layer.isa()},
                    {"seconds", r.seconds},
                    {"flops_per_second", r.flops_per_second},
                    {"weight_bytes_per_second", r.weight_bytes_per_second},
                    {"read_bytes_per_second", r.limits.read_bytes_per_second},
                    {"peak_flops_per_second", r.limits.flops_per_second}});
  }
  PrintJson({{"threads", MaxThreads()},
             {"read_bytes_per_second", limits.read_bytes_per_second},
             {"peak_flops_per_second", limits.flops_per_second},
             {"results", list}});
}

}  // namespace

void AddBenchLinear(CLI::App& bench) {
  const auto args = std::make_shared<BenchLinearArgs>();
  CLI::App* command = bench.add_subcommand("linear", "One W8A16 linear layer y = x W^T with made-up numbers");
  command->add_option("--m", args->m, "Rows of x, one or several (default: 1,16,512)")->type_name("M,...");
  const CLI::Validator sizes = CLI::Range(int64_t{1}, int64_t{1} << 30).description("");
  command->add_option("--n", args->n, "Outputs (default: 4096)")->check(sizes)->type_name("N");
  command->add_option("--k", args->k, "Inputs (default: 4096)")->check(sizes)->type_name("K");
  command->add_option("--dtype", args->dtype, "Type of x and y (default: bf16)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->type_name("NAME");
  AddThreadsOption(*command, args->threads);
  AddJsonOption(*command, args->json);
  command->callback([args] { RunBenchLinear(*args); });
}

}  // namespace w8a16
