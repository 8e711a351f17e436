#include <dnnl.hpp>
#include <memory>
#include <unordered_map>

#include "compare/peer.h"

// oneDNN's matmul with weights in the order it likes best, packed before the first call, as an inference engine would.

namespace w8a16::bench {
namespace {

struct Call {
  explicit Call(const Problem& p) : engine(dnnl::engine::kind::cpu, 0), stream(engine) {
    using Memory = dnnl::memory;
    const auto type = p.dtype == DType::kBF16 ? Memory::data_type::bf16 : Memory::data_type::f32;
    const Memory::desc x_desc({p.m, p.k}, type, Memory::format_tag::ab);
    const Memory::desc y_desc({p.m, p.n}, type, Memory::format_tag::ab);
    // [k, n] seen from the matmul, rows of length k in memory, as PyTorch has them.
    const Memory::desc plain_desc({p.k, p.n}, type, Memory::format_tag::ba);
    const Memory::desc any_desc({p.k, p.n}, type, Memory::format_tag::any);
    const dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(x_desc, any_desc, y_desc), engine);
    weights_values = RandomValues(p.n * p.k, p.dtype);
    x_values = RandomValues(p.m * p.k, p.dtype);
    Memory plain(plain_desc, engine, weights_values.data());
    Memory packed(primitive.weights_desc(), engine);
    dnnl::reorder(plain, packed).execute(stream, plain, packed);
    stream.wait();
    matmul = dnnl::matmul(primitive);
    args = {{DNNL_ARG_SRC, Memory(x_desc, engine, x_values.data())},
            {DNNL_ARG_WEIGHTS, packed},
            {DNNL_ARG_DST, Memory(y_desc, engine)}};
  }

  dnnl::engine engine;
  dnnl::stream stream;
  std::vector<std::byte> weights_values;
  std::vector<std::byte> x_values;
  dnnl::matmul matmul;
  std::unordered_map<int, dnnl::memory> args;
};

}  // namespace

std::vector<Peer> OneDnnPeers() {
  return {{"onednn", {DType::kBF16, DType::kF32}, 0, [](const Problem& p) -> std::function<void()> {
             const auto call = std::make_shared<Call>(p);
             return [call] {
               call->matmul.execute(call->stream, call->args);
               call->stream.wait();
             };
           }}};
}

}  // namespace w8a16::bench
