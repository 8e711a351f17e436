#include "checkpoint/safetensors.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace w8a16;  // NOLINT(google-build-using-namespace)
  return fuzz::Try([&] {
    uint64_t covered = 0;
    for (const TensorInfo& tensor : ParseSafetensors(fuzz::Bytes(data, size), "f")) {
      fuzz::Require(tensor.offset <= size && tensor.bytes <= size - tensor.offset);
      covered += tensor.bytes;
    }
    fuzz::Require(covered <= size);
  });
}
