"""Layers of a model whose weights are on their way: what stands in the module tree until they come, and what comes then."""

from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from .. import layout, linear_like
from ..layer import W8A16LinearLayer
from .scheme import INT_QUANTIZED


class PendingLayer(nn.Module):
    """In the place of a linear layer of a checkpoint that is quantized: parameters without memory, named as in the file.

    Args:
        format: of the checkpoint (scheme.PACK_QUANTIZED or INT_QUANTIZED).
        module: the linear layer or Conv1D (on the meta device) that it takes the place of.
        plain_weight_dtype: of ``weight`` until it comes, in the format INT_QUANTIZED.
    """

    def __init__(self, format: str, module: Any, plain_weight_dtype: torch.dtype) -> None:
        super().__init__()
        out_features, in_features = linear_shape(module)
        self.out_features = out_features
        self.in_features = in_features
        self.conv1d = type(module) if linear_like.is_conv1d(module) else None
        self.weight_dtype = module.weight.dtype
        self.parts: Dict[str, Tensor] = {}  #: what has come so far, where tensors come one by one
        self.suffixes = suffixes(format)
        shapes: Dict[str, Tuple[Tuple[int, ...], torch.dtype]] = {
            "weight_packed": ((out_features, -(-in_features // 4)), torch.int32),
            "weight": ((out_features, in_features), plain_weight_dtype),
            "weight_scale": ((out_features, 1), torch.get_default_dtype()),
            "weight_shape": ((2,), torch.int64),
        }
        for suffix in self.suffixes:
            shape, dtype = shapes[suffix]
            self.register_parameter(suffix, nn.Parameter(torch.empty(shape, dtype=dtype, device="meta"), requires_grad=False))
        self.register_parameter("bias", module.bias)

    def forward(self, input: Tensor) -> Tensor:
        raise RuntimeError("this layer of the checkpoint has not been loaded")


def suffixes(format: str) -> Tuple[str, ...]:
    """Names of the tensors of a layer in a checkpoint of this format."""
    return layout.PLAIN if format == INT_QUANTIZED else layout.PACKED


def put_pending(model: nn.Module, name: str, format: str, plain_weight_dtype: torch.dtype) -> None:
    """Puts a PendingLayer in the place of the linear layer ``name``."""
    _put(model, name, PendingLayer(format, model.get_submodule(name), plain_weight_dtype))


def put_quantized(
    model: nn.Module, name: str, int8_weights: Tensor, scales: Tensor, activation_bits: Optional[int]
) -> W8A16LinearLayer:
    """Puts a W8A16LinearLayer with these tensors in the place of the layer ``name``, whose bias it takes over.

    Raises layout.LayoutError where the model's layer has another shape.
    """
    module: Any = model.get_submodule(name)
    out_features, in_features = linear_shape(module)
    if tuple(int8_weights.shape) != (out_features, in_features):
        raise layout.LayoutError(
            f"{name}: the checkpoint has weights of shape {list(int8_weights.shape)}, the model's layer needs "
            f"[{out_features}, {in_features}] (is config.json that of this checkpoint?)"
        )
    layer = W8A16LinearLayer._in_place_of(module, int8_weights, scales, activation_bits or 24)
    layer.register_parameter("bias", module.bias)  # the same object, which may be waiting for its values
    _put(model, name, layer)
    return layer


def linear_shape(module: Any) -> Tuple[int, int]:
    """(out_features, in_features) of a linear layer, GPT-2's Conv1D or a PendingLayer."""
    if isinstance(module, PendingLayer):
        return module.out_features, module.in_features
    rows, columns = module.weight.shape
    return (columns, rows) if linear_like.is_conv1d(module) else (rows, columns)


def float_weight(module: nn.Module, weight: Tensor) -> Tensor:
    """[out, in] of a tensor that lies as the module's weight does."""
    return weight.t() if linear_like.is_conv1d(module) else weight


def require_none_pending(model: nn.Module) -> None:
    """Raises layout.LayoutError where layers of a quantized checkpoint did not come."""
    names: List[str] = []
    for name, module in model.named_modules():
        if isinstance(module, PendingLayer):
            names.append(", ".join(f"{name}.{suffix}" for suffix in module.suffixes if suffix not in module.parts))
    if names:
        more = f" and parts of {len(names) - 1} more layers" if len(names) > 1 else ""
        raise layout.LayoutError(
            f"the checkpoint has no {names[0]}{more}. Its quantization_config says that they are quantized: layers that it "
            "holds in float must stand in its \"ignore\""
        )


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)
