"""The module that takes the place of ``torch.nn.Linear``."""

from typing import Any, Callable, Dict, List, Optional

import torch
from torch import Tensor, nn

from . import layout, operators
from .linear_like import is_conv1d, weight_of, why_not_linear

_linear = operators._linear
_is_grad_enabled, _is_inference = torch.is_grad_enabled, torch.is_inference_mode_enabled
_is_compiling = torch.compiler.is_compiling
_BelowAutograd = torch._C._AutoDispatchBelowAutograd
_NOT_ASSIGNED = (
    "W8A16LinearLayer: its weight is 8-bit and cannot be assigned (or tied to a float one). Call quantize(weights) to give it "
    "other weights, put dequantize() in its place for a float layer, or exclude it from the replacement (names_to_exclude, "
    "ignore), as is usual for heads"
)
_NO_VALUES = "has no values (meta device: offloaded or not loaded yet); load them first"


class W8A16LinearLayer(nn.Module):
    """A frozen linear layer with 8-bit weights and 16-bit integer activations.

    Until :meth:`quantize` or ``load_state_dict`` it has no weights, and calling it raises.

    Args:
        in_features: size of each input.
        out_features: size of each output.
        bias: whether it has a bias (zeros until one is given).
        dtype: dtype of the bias and, until :meth:`quantize`, of the scales: float32, bfloat16 or float16.
        device: where the parameters are made.
        activation_bits: 24 or 16: of the integers that rows of float32 inputs become. 24 keeps float32's accuracy, 16 takes
            two thirds of the time. bfloat16 and float16 inputs have 16.

    Parameters, none of which requires a gradient unless told to (only ``bias`` can):
        int8_weights: int8 ``[out_features, in_features]``.
        scales: ``[out_features]``, one per output; NaN until there are weights.
        bias: ``[out_features]``, or None.

    ``.to(dtype)``, ``.half()`` and the like convert the bias only: weights and scales stay what they are. The output has
    the dtype of the input.
    """

    __constants__ = ["in_features", "out_features", "activation_bits"]
    __jit_unused_properties__ = ["weight"]
    __jit_ignored_attributes__ = ["conv1d", "weight_dtype"]
    in_features: int
    out_features: int
    activation_bits: int
    int8_weights: Tensor
    scales: Tensor
    bias: Optional[Tensor]
    #: the class of the Conv1D whose place this layer took, or None
    conv1d: Any
    #: of ``weight``: that of the weights that were quantized, then what .half(), .to(dtype) and the like make of it
    weight_dtype: torch.dtype

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: torch.dtype = torch.float32,
        device: Any = None,
        activation_bits: int = 24,
    ) -> None:
        super().__init__()
        if dtype not in operators.DTYPES:
            raise TypeError(f"W8A16LinearLayer: dtype is {dtype}; it must be float32, bfloat16 or float16")
        if in_features < 0 or out_features < 0:
            raise ValueError(f"W8A16LinearLayer: negative size: in_features {in_features}, out_features {out_features}")
        if activation_bits not in (16, 24):
            raise ValueError(f"W8A16LinearLayer: activation_bits is {activation_bits}; it must be 24 or 16")
        self.in_features = in_features
        self.out_features = out_features
        self.activation_bits = activation_bits
        self.conv1d = None
        self.weight_dtype = dtype
        self._set("int8_weights", torch.zeros((out_features, in_features), dtype=torch.int8, device=device))
        self._set("scales", torch.full((out_features,), float("nan"), dtype=dtype, device=device))
        self._set("bias", torch.zeros((out_features,), dtype=dtype, device=device) if bias else None)

    @classmethod
    def from_linear(
        cls, layer: nn.Module, activation_bits: int = 24, *, include_subclasses: bool = False
    ) -> "W8A16LinearLayer":
        """The quantized form of ``layer``, a ``torch.nn.Linear`` or GPT-2's ``Conv1D``, whose bias it shares.

        ``include_subclasses``: subclasses of Linear that compute something else, too.

        Raises TypeError for other modules and for weights that are not float32, bfloat16 or float16, ValueError for weights
        without values (meta device), RuntimeError for NaN and infinity.
        """
        reason = why_not_linear(layer, include_subclasses)
        if reason is not None:
            raise TypeError(f"W8A16LinearLayer.from_linear: {type(layer).__name__}: {reason}")
        weight = weight_of(layer).detach()
        if weight.is_meta:
            raise ValueError(f"W8A16LinearLayer.from_linear: the layer's weight {_NO_VALUES}")
        if weight.dtype not in operators.DTYPES:
            raise TypeError(
                f"W8A16LinearLayer.from_linear: the weight is {weight.dtype}; convert it to float32, bfloat16 or float16"
            )
        if cls.quantize is W8A16LinearLayer.quantize:
            return cls._in_place_of(layer, *operators.quantize(weight), activation_bits)
        # A subclass's own way to quantize, which may look at the tensors that it finds.
        made = cls._like(layer, weight, weight.dtype, weight.device, activation_bits)
        made.quantize(weight)
        return made

    @classmethod
    def _in_place_of(cls, layer: nn.Module, int8_weights: Tensor, scales: Tensor, activation_bits: int) -> "W8A16LinearLayer":
        """The layer with these tensors, and the bias and the mode of ``layer``, a linear one or Conv1D."""
        # Parameters that are replaced at once take no memory on the meta device.
        made = cls._like(layer, int8_weights, scales.dtype, "meta", activation_bits)
        made._set_quantized(int8_weights, scales)
        return made

    @classmethod
    def _like(
        cls, layer: Any, weight: Tensor, dtype: torch.dtype, device: Any, activation_bits: int
    ) -> "W8A16LinearLayer":
        """A layer for weights of the shape of ``weight``, with what it takes over of ``layer``, a linear one or Conv1D."""
        # Subclasses need not know of activation_bits where nobody asks for any.
        options: Dict[str, Any] = {} if activation_bits == 24 else {"activation_bits": activation_bits}
        out_features, in_features = weight.shape
        made = cls(in_features, out_features, layer.bias is not None, dtype, device, **options)
        made._take_over(layer)
        return made

    def _take_over(self, layer: Any) -> None:
        self._set("bias", None if layer.bias is None else layer.bias.detach())
        self.conv1d = type(layer) if is_conv1d(layer) else getattr(layer, "conv1d", None)
        self.weight_dtype = getattr(layer, "weight_dtype", None) or layer.weight.dtype
        self.train(layer.training)

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
        if weights.dtype not in operators.DTYPES:
            raise TypeError(
                f"W8A16LinearLayer.quantize: weights are {weights.dtype}; convert them to float32, bfloat16 or float16"
            )
        if weights.is_meta != self.int8_weights.is_meta:
            raise ValueError(
                f"W8A16LinearLayer.quantize: weights are on {weights.device}, the layer on {self.int8_weights.device}; "
                "give the one on the meta device memory with to_empty() and load its values"
            )
        int8_weights, scales = operators.quantize(weights.detach())
        device = self.int8_weights.device
        self._set_quantized(int8_weights.to(device), scales.to(device))
        self.weight_dtype = weights.dtype

    @property
    def weight(self) -> Tensor:
        """The dequantized weights ``[out_features, in_features]``, made anew at each access, for code that reads a linear
        layer's weight. Their dtype is that of the weights before, or what ``.half()``, ``.to(dtype)`` made of the layer. It
        cannot be set: see :meth:`quantize`."""
        exact = self.scales.dtype if self.scales.dtype == self.weight_dtype else torch.float32
        return (self.int8_weights.to(exact) * self.scales.to(exact)[:, None]).to(self.weight_dtype)

    @weight.setter
    def weight(self, value: Any) -> None:
        raise AttributeError(_NOT_ASSIGNED)

    def dequantize(self) -> nn.Module:
        """A ``torch.nn.Linear`` (a Conv1D, in the place of one) with the dequantized :attr:`weight` and this layer's bias."""
        weight, bias = self.weight.detach(), self.bias
        with torch.device("meta"):
            if self.conv1d is not None:
                made = self.conv1d(self.out_features, self.in_features)
                weight = weight.t().contiguous()
            else:
                made = nn.Linear(self.in_features, self.out_features, bias is not None)
        made.weight = nn.Parameter(weight)
        if bias is not None:
            made.bias = nn.Parameter(bias.detach().to(weight.dtype))
        return made.train(self.training)

    def forward(self, input: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return torch.ops.w8a16.linear(input, self.int8_weights, self.scales, self.bias, self.activation_bits)
        return self._forward(input)

    @torch.jit.unused
    def _forward(self, input: Tensor) -> Tensor:
        # A look into the dictionary takes a twentieth of the time that nn.Module's attributes take.
        own: Dict[str, Any] = self._parameters
        try:
            int8_weights, scales, bias = own["int8_weights"], own["scales"], own["bias"]
        except KeyError:  # something (a parametrization, pruning, a wrapper that shards) keeps one elsewhere
            int8_weights, scales, bias = self.int8_weights, self.scales, self.bias
        bits = self.activation_bits
        if _is_grad_enabled() or _is_compiling() or _is_inference() or torch.autograd.forward_ad._current_level >= 0:
            return _linear(input, int8_weights, scales, bias, bits)
        # Nothing can want a gradient: without autograd's kernel a call takes two microseconds less.
        with _BelowAutograd():
            return _linear(input, int8_weights, scales, bias, bits)

    def extra_repr(self) -> str:
        bits = "" if self.activation_bits == 24 else f", activation_bits={self.activation_bits}"
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
            f"scales={str(self.scales.dtype).replace('torch.', '')}{bits}"
        )

    def _set(self, name: str, value: Optional[Tensor]) -> None:
        shared = value is None or isinstance(value, nn.Parameter)  # tied layers share one
        self.register_parameter(name, value if shared else nn.Parameter(value, requires_grad=False))  # type: ignore[arg-type]

    def _set_quantized(self, int8_weights: Tensor, scales: Tensor) -> None:
        self._set("int8_weights", int8_weights)
        self._set("scales", scales)

    def register_parameter(self, name: str, param: Optional[nn.Parameter]) -> None:
        if name == "weight":
            raise AttributeError(_NOT_ASSIGNED)
        super().register_parameter(name, param)

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> "W8A16LinearLayer":
        # What moves between devices may move; a conversion may not change the numbers.
        before = {name: self._parameters[name] for name in ("int8_weights", "scales")}
        data = {name: parameter.data for name, parameter in before.items() if parameter is not None}
        super()._apply(fn, *args, **kwargs)
        self.weight_dtype = fn(torch.zeros(1, dtype=self.weight_dtype)).dtype
        for name, old in data.items():
            new = self._parameters[name]
            if new is not None and new.dtype != old.dtype:
                new.data = old.to(new.device)
        return self

    def _load_from_state_dict(
        self,
        state_dict: Dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: List[str],
        unexpected_keys: List[str],
        error_msgs: List[str],
    ) -> None:
        if prefix + "weight_scale" in state_dict or prefix + "weight_packed" in state_dict:
            state_dict = self._from_checkpoint(state_dict, prefix, error_msgs)
        elif prefix + "weight" in state_dict and prefix + "int8_weights" not in state_dict:
            dtype = state_dict[prefix + "weight"].dtype
            error_msgs.append(
                f"{prefix}weight is {dtype}: a float layer's state, but this layer is quantized. Load it into the float model, "
                "then replace its layers; or call quantize(weights)"
                if dtype.is_floating_point
                else f"{prefix}weight is {dtype}, but its scales, {prefix}weight_scale, are missing"
            )
            return
        weights, scales = (state_dict.get(prefix + name) for name in ("int8_weights", "scales"))
        if isinstance(weights, Tensor) and weights.dtype != torch.int8:
            error_msgs.append(f"{prefix}int8_weights are {weights.dtype}, not int8: they would be truncated")
            return
        if isinstance(scales, Tensor) and scales.dtype not in operators.DTYPES:
            error_msgs.append(f"{prefix}scales are {scales.dtype}; they must be float32, bfloat16 or float16")
            return
        # Scales keep the dtype they were made with: a copy into another dtype would round them.
        if isinstance(scales, Tensor) and scales.dtype != self.scales.dtype and scales.shape == self.scales.shape:
            self._set("scales", torch.empty_like(self.scales, dtype=scales.dtype))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def _from_checkpoint(self, state_dict: Dict[str, Any], prefix: str, error_msgs: List[str]) -> Dict[str, Any]:
        """The state with this layer's tensors as it holds them, from those of a compressed-tensors checkpoint."""
        own = {key: value for key, value in state_dict.items() if key.startswith(prefix)}
        parts = {key[len(prefix) :]: value for key, value in own.items()}
        try:
            int8_weights, scales = layout.unpack(parts, prefix.rstrip("."))
        except layout.LayoutError as error:
            error_msgs.append(str(error))
            int8_weights, scales = self.int8_weights, self.scales
        for suffix in {*layout.PACKED, *layout.PLAIN}:
            own.pop(prefix + suffix, None)
        own.update({prefix + "int8_weights": int8_weights, prefix + "scales": scales})
        return own
