"""What a call of a W8A16 layer costs beside its kernel: one row of a small layer, and a transformers model that decodes.

    .venv/bin/python bench/python/call_cost.py [--threads N]

Microseconds, the least of many repetitions for the small layer; medians for the model.
"""

import argparse
import statistics
import time
import timeit
from typing import Any, Callable, List

import torch
from torch import nn

from w8a16 import W8A16LinearLayer, _native, replace_linear_with_target_and_quantize


def least(call: Callable[[], Any]) -> float:
    return min(timeit.repeat(call, number=500, repeat=100)) / 500 * 1e6


def small_layer() -> None:
    plain = nn.Linear(64, 64)
    layer = W8A16LinearLayer.from_linear(plain)
    x, y = torch.randn(1, 64), torch.empty(1, 64)
    arguments = (
        1, 24, x.data_ptr(), 0, 1, 64, y.data_ptr(), layer.int8_weights.data_ptr(), 64, 64, 64, layer.scales.data_ptr(), 0,
        layer.bias.data_ptr(), 0,
    )  # fmt: skip
    kernel = least(lambda: _native.linear(*arguments))
    print(f"64 x 64, one row, one thread: the bare kernel {kernel:.2f}")
    for mode in (torch.inference_mode, torch.no_grad):
        with mode():
            x = torch.randn(1, 64)
            print(f"  {mode.__name__}: nn.Linear {least(lambda: plain(x)):.2f}, W8A16LinearLayer {least(lambda: layer(x)):.2f}")


class Clock:
    """Adds up the time inside calls."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.seconds = 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return self.call(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


@torch.no_grad()
def decoding() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=2048, intermediate_size=5632, num_hidden_layers=8, num_attention_heads=32, num_key_value_heads=4,
        vocab_size=1000, max_position_embeddings=256,
    )  # fmt: skip
    model = LlamaForCausalLM(config).bfloat16().eval()
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    layers = [module for module in model.modules() if isinstance(module, W8A16LinearLayer)]
    cache = model(torch.ones(1, 8, dtype=torch.long), use_cache=True).past_key_values
    token = torch.ones(1, 1, dtype=torch.long)
    kernel = _native.linear
    totals: List[float] = []
    in_layers: List[float] = []
    in_kernels: List[float] = []
    for _ in range(40):
        call = W8A16LinearLayer.__call__
        layer_clock, kernel_clock = Clock(call), Clock(kernel)
        W8A16LinearLayer.__call__ = lambda self, *args: layer_clock(self, *args)  # type: ignore[method-assign]
        _native.linear = kernel_clock
        start = time.perf_counter()
        model(token, past_key_values=cache, use_cache=True)
        totals.append(time.perf_counter() - start)
        W8A16LinearLayer.__call__ = call  # type: ignore[method-assign]
        _native.linear = kernel
        in_layers.append(layer_clock.seconds)
        in_kernels.append(kernel_clock.seconds)
    total, inside, kernels = (statistics.median(values) * 1e6 for values in (totals, in_layers, in_kernels))
    print(
        f"a Llama of TinyLlama-1.1B's widths, 8 blocks, bfloat16, {torch.get_num_threads()} threads, no_grad: {total:.0f} a token, "
        f"{inside:.0f} in {len(layers)} W8A16 layers, {kernels:.0f} in their kernels ({100 * kernels / inside:.1f} %); "
        f"{(inside - kernels) / len(layers):.1f} a call beside the kernel, the clocks' own time included"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    threads = parser.parse_args().threads
    torch.manual_seed(0)
    torch.set_num_threads(1)
    small_layer()
    torch.set_num_threads(threads)
    decoding()


if __name__ == "__main__":
    main()
