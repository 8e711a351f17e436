#include "checkpoint/weight_format.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace w8a16;  // NOLINT(google-build-using-namespace)
  for (const WeightFormat& format : WeightFormats()) {
    fuzz::Try([&] {
      for (const std::string& shard : FindShards(ParseIndex(fuzz::Text(data, size), "f", format, ThrowProblem))) {
        fuzz::Require(shard.find('/') == std::string::npos && shard.ends_with(format.extension));
      }
    });
  }
  return 0;
}
