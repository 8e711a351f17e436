"""What a call of a W8A16 layer costs beside its kernel: one row of a small layer, and a transformers model that decodes.

    .venv/bin/python bench/python/call_cost.py [--threads N] [--hidden 4096 --intermediate 11008 --blocks 3]

Microseconds, the least of many repetitions for the small layer; medians for the model.
"""

import argparse
import statistics
import time
import timeit
from typing import Any, Callable, List

import torch
from torch import Tensor, nn

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


class BareKernel:
    """In the place of a layer: its kernel, on addresses that were looked up before."""

    def __init__(self, layer: W8A16LinearLayer) -> None:
        self.y = torch.empty(1, 1, layer.out_features, dtype=torch.bfloat16)
        threads, sizes = torch.get_num_threads(), (layer.out_features, layer.in_features, layer.in_features)
        self.before = (threads, 24)
        self.after = (
            1, 1, layer.in_features, self.y.data_ptr(), layer.int8_weights.data_ptr(), *sizes, layer.scales.data_ptr(), 1, 0, 0,
        )  # fmt: skip
        self.seconds = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        start = time.perf_counter()
        _native.linear(*self.before, x.data_ptr(), *self.after)
        self.seconds += time.perf_counter() - start
        return self.y


def decoding(mode: Callable[[], Any], hidden: int, intermediate: int, blocks: int) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=blocks, num_attention_heads=32,
        num_key_value_heads=4, vocab_size=1000, max_position_embeddings=512,
    )  # fmt: skip
    with mode():
        model = LlamaForCausalLM(config).bfloat16().eval()
        replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
        bare = {id(layer): BareKernel(layer) for layer in model.modules() if isinstance(layer, W8A16LinearLayer)}
        cache = model(torch.ones(1, 8, dtype=torch.long), use_cache=True).past_key_values
        token = torch.ones(1, 1, dtype=torch.long)

        def step() -> float:
            start = time.perf_counter()
            model(token, past_key_values=cache, use_cache=True)
            return time.perf_counter() - start

        whole: List[float] = []
        only_kernels: List[float] = []
        in_kernels: List[float] = []
        call = W8A16LinearLayer.__call__
        for _ in range(60):
            whole.append(step())
            for kernel in bare.values():
                kernel.seconds = 0.0
            W8A16LinearLayer.__call__ = lambda self, x: bare[id(self)](x)  # type: ignore[method-assign]
            only_kernels.append(step())
            W8A16LinearLayer.__call__ = call  # type: ignore[method-assign]
            in_kernels.append(sum(kernel.seconds for kernel in bare.values()))
    total, without, kernels = (statistics.median(values) * 1e6 for values in (whole, only_kernels, in_kernels))
    beside = total - without
    share = 100 * kernels / (kernels + beside)
    print(
        f"  {mode.__name__}: {total:.0f} a token, {without:.0f} where bare kernels take the layers' places, {kernels:.0f} in "
        f"kernels: {beside / len(bare):.1f} a call beside the kernel, {share:.1f} % of the layers' "
        "time is the kernels'"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--hidden", type=int, default=2048, help="of the model; the default widths are TinyLlama-1.1B's")
    parser.add_argument("--intermediate", type=int, default=5632)
    parser.add_argument("--blocks", type=int, default=8)
    arguments = parser.parse_args()
    threads = arguments.threads
    torch.manual_seed(0)
    torch.set_num_threads(1)
    small_layer()
    torch.set_num_threads(threads)
    print(
        f"a Llama of widths {arguments.hidden} and {arguments.intermediate}, {arguments.blocks} blocks of 7 layers, bfloat16, "
        f"one row, {threads} threads:"
    )
    for mode in (torch.inference_mode, torch.no_grad):
        decoding(mode, arguments.hidden, arguments.intermediate, arguments.blocks)


if __name__ == "__main__":
    main()
