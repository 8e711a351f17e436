#include "checkpoint/pickle.h"
#include "checkpoint/torch_file.h"
#include "fuzz/fuzz.h"

// Both the archive and, for inputs that are none, the pickle in it: few changes of an archive reach that far.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace w8a16;  // NOLINT(google-build-using-namespace)
  if (!fuzz::Text(data, size).starts_with("PK")) {
    return fuzz::Try([&] { ReadStateDict(fuzz::Bytes(data, size), "f"); });
  }
  return fuzz::Try([&] {
    for (const TensorInfo& tensor : ParseTorchFile(fuzz::Bytes(data, size), "f")) {
      fuzz::Require(tensor.offset <= size && tensor.bytes <= size - tensor.offset);
    }
  });
}
