"""The tensors of one quantized linear layer on disk, and the way to and from what the layer holds.

Two forms (compressed-tensors), N output and K input channels:

- packed (``pack-quantized``): ``weight_packed`` int32 ``[N, ceil(K / 4)]``, whose bytes are ``q ^ 0x80`` row by row, each
  row padded with 0x00 to a multiple of 4 bytes; ``weight_scale`` ``[N, 1]``; ``weight_shape`` int64 ``[2]`` = N, K.
- plain (``int-quantized``): ``weight`` int8 ``[N, K]``, q itself; ``weight_scale`` ``[N, 1]``.

The layer holds ``int8_weights`` int8 ``[N, K]`` (q) and ``scales`` ``[N]``. Nothing here goes through floats, and nothing
needs transformers.
"""

from typing import Dict, Mapping, Optional, Tuple

import torch
from torch import Tensor

SCALE_DTYPES = (torch.float32, torch.bfloat16, torch.float16)

#: suffixes of the tensors of a layer, besides its bias
PACKED = ("weight_packed", "weight_scale", "weight_shape")
PLAIN = ("weight", "weight_scale")

#: what stands beside the weights of schemes that this project does not run: suffix -> what it is
FOREIGN: Dict[str, str] = {
    "weight_zero_point": "zero points (asymmetric weights)",
    "weight_g_idx": "an order of input channels (actorder)",
    "weight_global_scale": "a global scale",
    "input_scale": "quantized input activations",
    "input_zero_point": "quantized input activations",
    "input_global_scale": "quantized input activations",
    "output_scale": "quantized output activations",
    "output_zero_point": "quantized output activations",
}


class LayoutError(ValueError):
    """Tensors of a quantized layer that are missing, contradict each other, or belong to another scheme."""


def pack(int8_weights: Tensor, scales: Tensor) -> Dict[str, Tensor]:
    """What a file holds of a layer: ``{"weight_packed": ..., "weight_scale": ..., "weight_shape": ...}``.

    Args:
        int8_weights: int8 ``[N, K]``.
        scales: ``[N]`` of float32, bfloat16 or float16; their dtype is kept.

    Returns:
        New tensors on the device of the weights, which share no memory with the layer's.
    """
    rows, columns = int8_weights.shape
    packed = torch.empty((rows, -(-columns // 4)), dtype=torch.int32, device=int8_weights.device)
    stored = packed.view(torch.int8)
    torch.bitwise_xor(int8_weights, -128, out=stored[:, :columns])
    stored[:, columns:] = 0
    return {
        "weight_packed": packed,
        "weight_scale": scales.unsqueeze(1).clone(),
        "weight_shape": torch.tensor([rows, columns], dtype=torch.int64, device=int8_weights.device),
    }


def unpack(parts: Mapping[str, Tensor], name: str, *, in_place: bool = False) -> Tuple[Tensor, Tensor]:
    """``(int8_weights [N, K], scales [N])`` of the layer ``name`` from its tensors in either form.

    Args:
        parts: suffix -> tensor: :data:`PACKED` or :data:`PLAIN`. Suffixes of :data:`FOREIGN` schemes are errors, others
            (``bias``) are not looked at.
        name: of the layer, with the file where it is known, for errors.
        in_place: the bytes of ``weight_packed`` may be changed and become the layer's memory (no copy is made when K is a
            multiple of 4). Otherwise ``parts`` are left as they are; the plain form shares its memory with the result.

    Raises:
        LayoutError: naming the layer, the tensor and what does not fit: a missing tensor, both forms at once, another
            scheme's tensors, dtypes, shapes, a scale that is not positive and finite.
    """
    _require_own_scheme(parts, name)
    scale = parts.get("weight_scale")
    if scale is None:
        raise LayoutError(f"{name}: weight_scale is missing; a quantized layer has one scale per output channel")
    packed = parts.get("weight_packed")
    if packed is None:
        weight = parts.get("weight")
        if weight is None:
            raise LayoutError(f"{name}: it has weight_scale, but neither weight_packed nor weight")
        if weight.dtype != torch.int8 or weight.dim() != 2:
            raise LayoutError(f"{name}: weight is {_describe(weight)}; beside a weight_scale it must be int8 [out, in]")
        int8_weights = weight
    else:
        if "weight" in parts:
            raise LayoutError(f"{name}: it has both weight and weight_packed; one of them must go")
        int8_weights = _unpack_bytes(packed, parts.get("weight_shape"), name, in_place)
    scales = _scales(scale, int8_weights.shape[0], name)
    return int8_weights, scales


def packed_shape(packed: Tensor, shape: Optional[Tensor], name: str) -> Tuple[int, int]:
    """(N, K) of a packed layer, from ``weight_packed`` and ``weight_shape``, which must agree. Raises LayoutError."""
    if shape is None:
        raise LayoutError(f"{name}: weight_shape is missing beside weight_packed")
    if packed.dtype != torch.int32 or packed.dim() != 2:
        raise LayoutError(f"{name}: weight_packed is {_describe(packed)}; it must be int32 [out, ceil(in / 4)]")
    if shape.dtype not in (torch.int64, torch.int32) or tuple(shape.shape) != (2,):
        raise LayoutError(f"{name}: weight_shape is {_describe(shape)}; it must be int64 [2]")
    rows, columns = (int(size) for size in shape.tolist())
    if columns < 0 or tuple(packed.shape) != (rows, -(-columns // 4)):
        raise LayoutError(
            f"{name}: weight_shape says [{rows}, {columns}], which needs weight_packed [{rows}, {-(-columns // 4)}], but "
            f"that is {list(packed.shape)} (words of four 8-bit weights)"
        )
    return rows, columns


def _unpack_bytes(packed: Tensor, shape: Optional[Tensor], name: str, in_place: bool) -> Tensor:
    _, columns = packed_shape(packed, shape, name)
    stored = packed.contiguous().view(torch.int8)[:, :columns]
    if not in_place:
        return torch.bitwise_xor(stored, -128)
    stored.bitwise_xor_(-128)
    return stored.contiguous()


def _scales(scale: Tensor, rows: int, name: str) -> Tensor:
    if scale.dtype not in SCALE_DTYPES:
        raise LayoutError(f"{name}: weight_scale is {scale.dtype}; it must be float32, bfloat16 or float16")
    if tuple(scale.shape) not in ((rows, 1), (rows,)):
        groups = scale.dim() == 2 and scale.shape[0] == rows
        hint = " (groups along the input channels are not supported: quantize with one scale per channel)" if groups else ""
        raise LayoutError(f"{name}: weight_scale has shape {list(scale.shape)}; it must be [{rows}, 1] or [{rows}]{hint}")
    scales = scale.reshape(rows)
    if not scales.is_meta:
        bad = ~(torch.isfinite(scales) & (scales > 0))
        if bool(bad.any()):
            row = int(bad.nonzero()[0])
            raise LayoutError(
                f"{name}: weight_scale of row {row} is {float(scales[row])}; scales must be positive and finite "
                "(the file is damaged or belongs to another scheme)"
            )
    return scales


def _require_own_scheme(parts: Mapping[str, Tensor], name: str) -> None:
    for suffix, what in FOREIGN.items():
        if suffix in parts:
            raise LayoutError(f"{name}: it has {suffix}, {what}; supported are symmetric 8-bit weights, one scale per channel")


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).replace('torch.', '')} {list(tensor.shape)}"
