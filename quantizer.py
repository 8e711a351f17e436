"""The names of ``w8a16``, for ``from quantizer import W8A16LinearLayer, replace_linear_with_target_and_quantize``.

``python quantizer.py`` shows one layer: its weights before and after, its output and its error.
"""

try:
    import torch

    from w8a16 import *  # noqa: F403
    from w8a16 import W8A16LinearLayer, __all__  # noqa: F401
except ImportError as error:
    needs = "quantizer needs PyTorch and the package w8a16; in a clone: pip install -r requirements.txt"
    raise ImportError(f"{error}: {needs}") from error


def main() -> None:
    torch.manual_seed(0)
    layer = W8A16LinearLayer(in_features=4, out_features=8, bias=True)
    weights = torch.randn((8, 4), dtype=torch.float32)
    layer.quantize(weights)
    print(layer)
    print("weights before:", weights, sep="\n")
    print("int8_weights:", layer.int8_weights.data, sep="\n")
    print("scales:", layer.scales.data, sep="\n")
    print("weights after, int8_weights * scales[:, None]:", layer.weight, sep="\n")

    x = torch.randn((2, 4), dtype=torch.float32)
    output = layer(x)
    expected = torch.nn.functional.linear(x, weights, layer.bias)
    print("output:", output, sep="\n")
    print(f"largest error of a weight: {(layer.weight - weights).abs().max():.5f}")
    print(f"largest error of the output, against the float layer: {(output - expected).abs().max():.5f}")


if __name__ == "__main__":
    main()
