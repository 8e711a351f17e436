"""The module that takes the place of ``torch.nn.Linear``."""

from typing import Any, Callable, Dict, Optional

import torch
from torch import Tensor, nn

from . import _library


class W8A16LinearLayer(nn.Module):
    """A frozen linear layer with 8-bit weights and 16-bit integer activations.

    Until :meth:`quantize` or ``load_state_dict`` it has no weights, and calling it raises.

    Args:
        in_features: size of each input.
        out_features: size of each output.
        bias: whether it has a bias (zeros until one is given).
        dtype: dtype of the bias and, until :meth:`quantize`, of the scales: float32, bfloat16 or float16.
        device: where the buffers are made.

    Buffers:
        int8_weights: int8 ``[out_features, in_features]``.
        scales: ``[out_features]``, one per output; NaN until there are weights.
        bias: ``[out_features]``, or None.

    ``.to(dtype)``, ``.half()`` and the like convert the bias only: weights and scales stay what they are. The output has
    the dtype of the input.
    """

    __constants__ = ["in_features", "out_features"]
    __jit_unused_properties__ = ["weight"]
    in_features: int
    out_features: int
    int8_weights: Tensor
    scales: Tensor
    bias: Optional[Tensor]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: torch.dtype = torch.float32,
        device: Any = None,
    ) -> None:
        super().__init__()
        if dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise TypeError(f"W8A16LinearLayer: dtype is {dtype}; it must be float32, bfloat16 or float16")
        if in_features < 0 or out_features < 0:
            raise ValueError(f"W8A16LinearLayer: negative size: in_features {in_features}, out_features {out_features}")
        self.in_features = in_features
        self.out_features = out_features
        weights = torch.zeros((out_features, in_features), dtype=torch.int8, device=device)
        self.register_buffer("int8_weights", weights)
        self.register_buffer("scales", torch.full((out_features,), float("nan"), dtype=dtype, device=device))
        self.register_buffer("bias", torch.zeros((out_features,), dtype=dtype, device=device) if bias else None)

    @torch.jit.unused
    @torch.no_grad()
    def quantize(self, weights: Tensor) -> None:
        """Takes float weights ``[out_features, in_features]``; their dtype becomes that of ``scales``.

        Raises, and leaves the layer as it was, for a wrong shape (ValueError), a wrong dtype (TypeError) and for NaN and
        infinity (RuntimeError, naming row and column).
        """
        shape = (self.out_features, self.in_features)
        if not isinstance(weights, Tensor):
            raise TypeError(f"W8A16LinearLayer.quantize: weights are a {type(weights).__name__}, not a tensor")
        if tuple(weights.shape) != shape:
            raise ValueError(
                f"W8A16LinearLayer.quantize: weights have shape {list(weights.shape)}, but this layer needs {list(shape)} "
                "([out_features, in_features])"
            )
        if weights.dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise TypeError(
                f"W8A16LinearLayer.quantize: weights are {weights.dtype}; convert them to float32, bfloat16 or float16"
            )
        if weights.is_meta != self.int8_weights.is_meta:
            raise ValueError(
                f"W8A16LinearLayer.quantize: weights are on {weights.device}, the layer on {self.int8_weights.device}; "
                "give the one on the meta device memory with to_empty() and load its values"
            )
        int8_weights, scales = _library.quantize(weights.detach())
        device = self.int8_weights.device
        self.int8_weights, self.scales = int8_weights.to(device), scales.to(device)

    @property
    def weight(self) -> Tensor:
        """The dequantized weights, made anew at each access, for code that reads a linear layer's weight."""
        return self.int8_weights.to(self.scales.dtype) * self.scales[:, None]

    def forward(self, input: Tensor) -> Tensor:
        return torch.ops.w8a16.linear(input, self.int8_weights, self.scales, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
            f"scales={str(self.scales.dtype).replace('torch.', '')}"
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> "W8A16LinearLayer":
        before = {name: self._buffers[name] for name in ("int8_weights", "scales")}
        super()._apply(fn, *args, **kwargs)
        for name, old in before.items():
            new = self._buffers[name]
            if old is not None and new is not None and new.dtype != old.dtype:  # a conversion: what moves between devices may move, the numbers may not change
                self._buffers[name] = old.to(new.device)
        return self

    def _load_from_state_dict(
        self, state_dict: Dict[str, Any], prefix: str, local_metadata: Any, strict: bool, missing_keys: Any,
        unexpected_keys: Any, error_msgs: Any,
    ) -> None:
        weights, scales = (state_dict.get(prefix + name) for name in ("int8_weights", "scales"))
        if isinstance(weights, Tensor) and weights.dtype != torch.int8:
            error_msgs.append(f"{prefix}int8_weights are {weights.dtype}, not int8: they would be truncated")
            return
        # Scales keep the dtype they were made with: a copy into another dtype would round them.
        if isinstance(scales, Tensor) and scales.dtype != self.scales.dtype and scales.shape == self.scales.shape:
            self.scales = torch.empty_like(self.scales, dtype=scales.dtype)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
