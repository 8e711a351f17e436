// A LibTorch model, its linear layers replaced, the head excluded. Members that are to be replaced are declared as
// w8a16::AnyLinear: a member of type torch::nn::Linear would go on calling the float layer.
#include <torch/torch.h>
#include <w8a16/torch.h>

#include <iostream>

namespace {

struct DummyModelImpl : torch::nn::Module {
  DummyModelImpl()
      : embedding(register_module("embedding", torch::nn::Embedding(1000, 256))),
        linear_1(register_module("linear_1", w8a16::AnyLinear(256, 1024))),
        linear_2(register_module("linear_2", w8a16::AnyLinear(1024, 256))),
        lm_head(register_module("lm_head", w8a16::AnyLinear(torch::nn::LinearOptions(256, 1000).bias(false)))) {}

  torch::Tensor forward(const torch::Tensor& ids) { return lm_head(linear_2(torch::relu(linear_1(embedding(ids))))); }

  torch::nn::Embedding embedding;
  w8a16::AnyLinear linear_1;
  w8a16::AnyLinear linear_2;
  w8a16::AnyLinear lm_head;
};
TORCH_MODULE(DummyModel);

}  // namespace

int main() {
  torch::manual_seed(0);
  const torch::NoGradGuard no_grad;
  DummyModel model;
  const torch::Tensor ids = torch::arange(8);
  const torch::Tensor before = model(ids);
  std::cout << "before:\n" << model << "\n\n";

  const auto summary = w8a16::replace_linear_with_target_and_quantize<w8a16::W8A16LinearLayer>(model, {"lm_head"});
  const torch::Tensor after = model(ids);
  std::cout << "after:\n"
            << model << "\n\n"
            << summary << "relative change of the output: " << ((after - before).norm() / before.norm()).item<float>()
            << "\n";
}
