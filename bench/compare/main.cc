#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/parallel.h"
#include "base/strings.h"
#include "cli/machine.h"
#include "compare/peer.h"
#include "w8a16/error.h"

// One linear layer by w8a16 and by what else Debian has, in one process, beside the machine's limits:
//   compare_linear [--shapes=FILE] [--m=1,16,128,512] [Google Benchmark's flags]
// FILE has a line "out_features in_features" for each layer (bench/shapes); without it the layer is 4096 x 4096.

namespace w8a16::bench {
namespace {

struct Shape {
  int64_t n;
  int64_t k;
};

std::vector<Shape> ReadShapes(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(StrCat(path, ": cannot be read; --shapes names a file of lines \"out_features in_features\""));
  std::vector<Shape> shapes;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Shape shape{};
    if (!(words >> shape.n >> shape.k) || shape.n < 1 || shape.k < 1) {
      throw Error(StrCat(path, ": \"", line, "\" is not \"out_features in_features\""));
    }
    shapes.push_back(shape);
  }
  return shapes;
}

std::vector<int64_t> ReadRows(const std::string& list) {
  std::vector<int64_t> rows;
  std::istringstream words(list);
  std::string word;
  while (std::getline(words, word, ',')) {
    const long value = std::strtol(word.c_str(), nullptr, 10);
    if (value < 1) throw Error(StrCat("--m=", list, ": \"", word, "\" is not a number of rows"));
    rows.push_back(value);
  }
  return rows;
}

void RunProblem(benchmark::State& state, const Peer& peer, const Problem& problem) {
  const std::function<void()> call = peer.prepare(problem);
  call();
  for (auto _ : state) call();
  const double weights = static_cast<double>(problem.n) * static_cast<double>(problem.k);
  const double bytes = peer.weight_bytes > 0 ? peer.weight_bytes : static_cast<double>(DTypeSize(problem.dtype));
  using benchmark::Counter;
  state.counters["FLOP/s"] =
      Counter(2 * weights * static_cast<double>(problem.m), Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["weights"] = Counter(weights * bytes, Counter::kIsIterationInvariantRate, Counter::kIs1000);
}

void RunLimits(benchmark::State& state) {
  MachineProbe probe;
  for (auto _ : state) probe.Sample();
  const MachineLimits limits = probe.Median();
  state.counters["read"] = benchmark::Counter(limits.read_bytes_per_second);
  state.counters["FLOP/s"] = benchmark::Counter(limits.flops_per_second);
}

void Register(const std::vector<Shape>& shapes, const std::vector<int64_t>& rows) {
  benchmark::RegisterBenchmark("machine/limits", RunLimits)->UseRealTime();
  for (const Shape& shape : shapes) {
    for (int64_t m : rows) {
      for (const Peer& peer : Peers()) {
        for (DType dtype : peer.dtypes) {
          const Problem problem = {m, shape.n, shape.k, dtype};
          const std::string name =
              StrCat(m, "x", shape.n, "x", shape.k, "/", peer.name, "/", std::string(DTypeName(dtype)));
          benchmark::RegisterBenchmark(name.c_str(), [peer, problem](benchmark::State& state) {
            RunProblem(state, peer, problem);
          })->UseRealTime();
        }
      }
    }
  }
  benchmark::RegisterBenchmark("machine/limits", RunLimits)->UseRealTime();
}

}  // namespace
}  // namespace w8a16::bench

int main(int argc, char** argv) {
  using namespace w8a16::bench;  // NOLINT(google-build-using-namespace)
  try {
    std::vector<Shape> shapes = {{4096, 4096}};
    std::vector<int64_t> rows = {1, 16, 128, 512};
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
      const std::string_view arg = argv[i];
      if (arg.starts_with("--shapes=")) {
        shapes = ReadShapes(std::string(arg.substr(9)));
      } else if (arg.starts_with("--m=")) {
        rows = ReadRows(std::string(arg.substr(4)));
      } else {
        argv[kept++] = argv[i];
      }
    }
    benchmark::Initialize(&kept, argv);
    if (benchmark::ReportUnrecognizedArguments(kept, argv)) return 2;
    Register(shapes, rows);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
