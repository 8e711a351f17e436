// What a user of the installed LibTorch face writes.
#include <torch/torch.h>
#include <w8a16/torch.h>

#include <iostream>

int main() {
  w8a16::W8A16LinearLayer layer(3, 2);
  layer->quantize(torch::tensor({{0.5F, -1.27F, 0.25F}, {1.0F, 0.0F, -0.5F}}));
  std::cout << layer->forward(torch::ones({1, 3})).sizes() << "\n";
}
