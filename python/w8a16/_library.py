"""Loads the native library, which registers the operators."""

import os
from pathlib import Path
from typing import Optional, Tuple

import torch
from torch import Tensor


def _load() -> None:
    path = os.environ.get("W8A16_TORCH_LIBRARY") or str(Path(__file__).parent / "libw8a16_torch.so")
    if not Path(path).is_file():
        raise ImportError(
            f"w8a16: the native library {path} is missing. Build it in place with `make python`, install the package "
            "with `pip install --no-build-isolation --no-deps ./python`, or point W8A16_TORCH_LIBRARY at "
            "libw8a16_torch.so."
        )
    try:
        torch.ops.load_library(path)
    except OSError as error:
        raise ImportError(
            f"w8a16: {path} does not load into PyTorch {torch.__version__} (built for another version?). Build it again "
            f"with this Python. The loader says: {error}"
        ) from error


_load()


def linear(x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None) -> Tensor:
    """``x @ (int8_weights * scales[:, None]).T + bias``, the operator ``torch.ops.w8a16.linear``.

    Args:
        x: ``[..., in_features]`` of float32, bfloat16 or float16.
        int8_weights: int8 ``[out_features, in_features]``.
        scales: ``[out_features]`` of any of the three dtypes.
        bias: ``[out_features]`` of any of the three dtypes, or None.

    Returns:
        ``[..., out_features]`` of the dtype of x. Differentiable in x and bias.
    """
    return torch.ops.w8a16.linear(x, int8_weights, scales, bias)


def quantize(weights: Tensor) -> Tuple[Tensor, Tensor]:
    """Float weights ``[out, in]`` to ``(int8_weights [out, in], scales [out])``; scales have the dtype of the weights.

    ``scale = max|row| / 127``, ``q = round_half_to_even(w / scale)``; a row of zeros gets scale 1. Raises RuntimeError,
    naming row and column, for NaN and infinity.
    """
    return torch.ops.w8a16.quantize(weights)
