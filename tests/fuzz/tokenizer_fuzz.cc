#include "fuzz/fuzz.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace w8a16;  // NOLINT(google-build-using-namespace)
  return fuzz::Try([&] {
    const Tokenizer tokenizer = Tokenizer::Parse(fuzz::Text(data, size), "f");
    const std::vector<int32_t> ids = tokenizer.Encode("Hé llo, 12\tworld  <s>\xFF!", true);
    for (const int32_t id : ids) fuzz::Require(id >= 0 && id < tokenizer.vocab_size());
    tokenizer.Decode(ids);
  });
}
