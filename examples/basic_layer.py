"""A W8A16 linear layer: its weights before and after, and its error."""

import torch
from w8a16 import W8A16LinearLayer

torch.manual_seed(0)
layer = W8A16LinearLayer(in_features=4, out_features=8, bias=True)
weights = torch.randn((8, 4), dtype=torch.float32)
layer.bias.copy_(torch.randn(8))
layer.quantize(weights)

print(layer)
print("weights before:", weights, sep="\n")
print("int8 weights:", layer.int8_weights, sep="\n")
print("scales:", layer.scales, sep="\n")
print("weights after (int8 weight x scale):", layer.int8_weights * layer.scales[:, None], sep="\n")

x = torch.randn((2, 4), dtype=torch.float32)
output = layer(x)
expected = torch.nn.functional.linear(x, weights, layer.bias)
print("output:", output, sep="\n")
print(f"largest error against the float layer: {(output - expected).abs().max():.4f}")
