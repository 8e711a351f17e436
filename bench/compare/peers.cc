#include <random>

#include "compare/peer.h"

namespace w8a16::bench {

std::vector<float> RandomFloats(int64_t count) {
  std::mt19937 engine(42);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(engine()) * 0x1p-31F - 1;
  return values;
}

std::vector<std::byte> RandomValues(int64_t count, DType dtype) {
  const std::vector<float> floats = RandomFloats(count);
  std::vector<std::byte> values(static_cast<size_t>(count) * DTypeSize(dtype));
  for (int64_t i = 0; i < count; ++i) StoreFloat(values.data(), dtype, i, floats[static_cast<size_t>(i)]);
  return values;
}

std::vector<Peer> Peers() {
  std::vector<Peer> all = W8A16Peers();
  const auto add = [&all](std::vector<Peer> some) { all.insert(all.end(), some.begin(), some.end()); };
#ifdef W8A16_WITH_ONEDNN
  add(OneDnnPeers());
#endif
#ifdef W8A16_WITH_OPENBLAS
  add(OpenBlasPeers());
#endif
#ifdef W8A16_WITH_LIBTORCH
  add(LibTorchPeers());
#endif
  return all;
}

}  // namespace w8a16::bench
