"""The operators as compositions of PyTorch's own, for devices without kernels of ours: the same 8-bit weights and scales as
on the CPU, and the layer in the form ``F.linear(x, q) * scales + bias``, without a float32 copy of the weights."""

from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

# dtype -> (smallest normal number, exponent of the smallest subnormal one)
_SMALLEST = {torch.float32: (2.0**-126, 149), torch.bfloat16: (2.0**-126, 133), torch.float16: (2.0**-14, 24)}


def linear(x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor]) -> Tensor:
    """x ``[..., in]``, int8_weights ``[out, in]``, scales and bias ``[out]``; y ``[..., out]`` of the dtype of x. Does not
    synchronize with the device."""
    weights, after = int8_weights.to(x.dtype), scales.float()
    if x.dtype == torch.float16:
        # Its largest number is 65,504: the sum of q x would overflow where y does not. The power of two in each scale goes in
        # before the sum, which rounds no weight, and the rest, of [1, 2), after it. Only 2^-14 of a smaller power goes in,
        # since q times less would be subnormal, and 2^9 of a larger one, since 127 times more would be infinite.
        before = torch.exp2(torch.log2(after).floor().clamp(-14, 9))
        weights = weights * before.to(x.dtype).unsqueeze(1)
        after = after / before
    y = F.linear(x, weights) * after
    return (y if bias is None else y + bias).to(x.dtype)


def quantize(weights: Tensor) -> Tuple[Tensor, Tensor]:
    """Weights ``[out, in]`` of float32, bfloat16 or float16 -> int8_weights ``[out, in]`` and scales ``[out]`` of that dtype,
    bit for bit those of the CPU kernel. Raises RuntimeError for NaN and infinity."""
    weights = weights.detach()
    rows, columns = weights.shape
    if columns == 0:
        return weights.new_empty((rows, 0), dtype=torch.int8), weights.new_ones((rows,))
    largest = torch.linalg.vector_norm(weights, float("inf"), dim=1)
    finite = torch.isfinite(largest)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        column = int((~torch.isfinite(weights[row])).nonzero()[0])
        raise RuntimeError(
            f"w8a16::quantize: weights row {row}, column {column} is {float(weights[row, column])}; NaN and infinity cannot "
            "be quantized"
        )
    scales = _scales(largest)
    int8_weights = torch.empty((rows, columns), dtype=torch.int8, device=weights.device)
    block = max(1, _BLOCK // columns)  # a float32 copy of a few rows at a time
    for begin in range(0, rows, block):
        part = weights[begin : begin + block].float() / scales[begin : begin + block, None].float()
        int8_weights[begin : begin + block] = part.round_().clamp_(-127, 127)
    return int8_weights, scales


_BLOCK = 1 << 23  # weights


def _scales(largest: Tensor) -> Tensor:
    dtype = largest.dtype
    normal, bits = _SMALLEST[dtype]
    wide = largest.float()
    # The divisor is a tensor: division by a number is multiplication by its inverse on some devices, which rounds otherwise.
    stored = (wide / torch.full_like(wide, 127)).to(dtype)
    # Zero or subnormal: the smallest multiple of the smallest number with 127 scale >= largest, in integers.
    units = torch.ldexp(torch.ldexp(wide, torch.full_like(wide, 64)), torch.full_like(wide, bits - 64))
    steps = torch.where(stored.float() < normal, units, torch.zeros_like(units)).to(torch.int64)
    steps = (steps + 126).div(127, rounding_mode="floor").float()
    raised = torch.ldexp(torch.ldexp(steps, torch.full_like(wide, -64)), torch.full_like(wide, 64 - bits)).to(dtype)
    scales = torch.where(stored.float() < normal, raised, stored)
    return torch.where(largest == 0, torch.ones_like(scales), scales)
