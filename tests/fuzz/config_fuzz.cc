#include "arch/architecture.h"
#include "checkpoint/quantization_config.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace w8a16;  // NOLINT(google-build-using-namespace)
  fuzz::Try([&] { DescribeArchitecture(fuzz::Text(data, size), "f"); });
  return fuzz::Try([&] {
    const Json config = ParseJson(fuzz::Text(data, size), "f");
    if (config.is_object()) ReadQuantizationConfig(config, "f");
  });
}
