// A W8A16 linear layer in LibTorch.
#include <torch/torch.h>
#include <w8a16/torch.h>

#include <iostream>

int main() {
  torch::manual_seed(0);
  w8a16::W8A16LinearLayer layer(w8a16::W8A16LinearLayerOptions(/*in_features=*/4, /*out_features=*/8).bias(true));
  const torch::Tensor weights = torch::randn({8, 4});
  layer->bias.copy_(torch::randn({8}));
  layer->quantize(weights);

  std::cout << layer << "\nweights before:\n"
            << weights << "\nint8 weights:\n"
            << layer->int8_weights << "\nscales:\n"
            << layer->scales << "\nweights after (int8 weight x scale):\n"
            << layer->int8_weights * layer->scales.unsqueeze(1) << "\n";
  const torch::Tensor x = torch::randn({2, 4});
  const torch::Tensor output = layer(x);
  const torch::Tensor expected = torch::nn::functional::linear(x, weights, layer->bias);
  std::cout << "output:\n"
            << output << "\nlargest error against the float layer: " << (output - expected).abs().max().item<float>()
            << "\n";
}
