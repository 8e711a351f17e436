"""The operators ``w8a16::linear`` and ``w8a16::quantize``: one schema each, the native kernels for CPU, compositions of
PyTorch's own operators for other devices, shape functions, the gradient, and autocast."""

from typing import Any, Optional, Tuple

import torch
from torch import Tensor
from torch._functorch.autograd_function import enable_single_level_autograd_function

from . import fallback

try:
    from . import _native
except ImportError as error:
    raise ImportError(
        f"w8a16: its compiled part does not load ({error}). Install the package anew: `pip install .` in the project's root"
    ) from error

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_CODES = {dtype: code for code, dtype in enumerate(DTYPES)}
_LINEAR, _QUANTIZE = "w8a16::linear", "w8a16::quantize"



def linear(
    x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
) -> Tensor:
    """``x @ (int8_weights * scales[:, None]).T + bias``, the operator ``torch.ops.w8a16.linear``.

    Args:
        x: ``[..., in_features]`` of float32, bfloat16 or float16.
        int8_weights: int8 ``[out_features, in_features]``.
        scales: ``[out_features]`` of any of the three dtypes.
        bias: ``[out_features]`` of any of the three dtypes, or None.
        activation_bits: 24 or 16: of the integers that a row of float32 x becomes (bfloat16 and float16 have 16).

    Returns:
        ``[..., out_features]`` of the dtype of x. Differentiable in x and bias.

    Raises RuntimeError where a shape, dtype or device does not fit, or the scales say that nothing was quantized yet.
    """
    result: Tensor = _linear(x, int8_weights, scales, bias, activation_bits)
    return result


def quantize(weights: Tensor) -> Tuple[Tensor, Tensor]:
    """Float weights ``[out, in]`` to ``(int8_weights [out, in], scales [out])``; scales have the dtype of the weights.

    ``scale = max|row| / 127``, ``q = round_half_to_even(w / scale)``; a row of zeros gets scale 1. Raises RuntimeError,
    naming row and column, for NaN and infinity.
    """
    result: Tuple[Tensor, Tensor] = _quantize(weights)
    return result


def isa() -> str:
    """The instruction set whose kernels run, as the environment variable W8A16_ISA names it."""
    return _native.isa()


def openmp_library() -> Optional[str]:
    """The file of the OpenMP library that the kernels run on: PyTorch's."""
    return _native.openmp_library()


def _check_linear(x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor], activation_bits: int) -> None:
    """What holds on every device, from metadata alone; sizes may be symbolic."""
    if int8_weights.dtype != torch.int8 or int8_weights.dim() != 2:
        raise RuntimeError(
            f"{_LINEAR}: int8_weights must be int8 [out_features, in_features], not {int8_weights.dtype} of "
            f"{int8_weights.dim()} dimensions; make them with w8a16.quantize"
        )
    if x.dim() < 1:
        raise RuntimeError(f"{_LINEAR}: x has no dimensions; its last one must be in_features")
    for tensor, name in ((x, "x"), (scales, "scales"), (bias, "bias")):
        if tensor is None:
            continue
        if tensor.dtype not in _CODES:
            raise RuntimeError(
                f"{_LINEAR}: {name} is {tensor.dtype}; it must be float32, bfloat16 or float16: convert it with .to()"
            )
        if tensor.device != int8_weights.device:
            raise RuntimeError(
                f"{_LINEAR}: {name} is on {tensor.device}, int8_weights on {int8_weights.device}; move layer and input to "
                "one device with .to()"
            )
        if name != "x" and (tensor.dim() != 1 or tensor.shape[0] != int8_weights.shape[0]):
            raise RuntimeError(
                f"{_LINEAR}: {name} has shape {list(tensor.shape)}, but the layer has out_features = {int8_weights.shape[0]}"
            )
    if x.shape[-1] != int8_weights.shape[1]:
        raise RuntimeError(
            f"{_LINEAR}: the last dimension of x is {x.shape[-1]}, but the layer has in_features = {int8_weights.shape[1]}"
        )
    if activation_bits not in (16, 24):
        raise RuntimeError(f"{_LINEAR}: activation_bits is {activation_bits}; it must be 24 or 16")


def _check_quantize(weights: Tensor) -> None:
    if weights.dim() != 2:
        raise RuntimeError(f"{_QUANTIZE}: weights must be [out_features, in_features], not of {weights.dim()} dimensions")
    if weights.dtype not in _CODES:
        raise RuntimeError(
            f"{_QUANTIZE}: weights are {weights.dtype}; they must be float32, bfloat16 or float16: convert them with .to()"
        )


def _dense_rows(t: Tensor) -> Tensor:
    """A ``[rows, cols]`` tensor without gaps inside rows; copied only where it is not that already."""
    return t if t.stride(1) == 1 and t.stride(0) >= t.shape[1] else t.contiguous()


def _linear_cpu(
    x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
) -> Tensor:
    # One row of a small layer takes less time than these lines: each asks for nothing twice. All tensors are on the CPU, or
    # another kernel would have been called.
    codes, shape = _CODES, x.shape
    try:
        out_features, in_features = int8_weights.shape
        fits = (
            shape[-1] == in_features
            and int8_weights.dtype is torch.int8
            and scales.shape == (out_features,)
            and (bias is None or bias.shape == (out_features,))
        )
        x_code, scale_code = codes[x.dtype], codes[scales.dtype]
        bias_code = 0 if bias is None else codes[bias.dtype]
    except (KeyError, ValueError, IndexError):
        fits = False
    if not fits:
        _check_linear(x, int8_weights, scales, bias, activation_bits)
    y = x.new_empty((*shape[:-1], out_features))
    rows, stride = y.numel(), in_features
    if rows == 0:
        return y
    if in_features == 0:
        return y.zero_() if bias is None else y.copy_(bias)
    rows //= out_features
    if not x.is_contiguous():
        if x.dim() == 2:
            x = _dense_rows(x)
            stride = x.stride(0)
        else:
            x = x.contiguous()
    row_stride = in_features
    if not int8_weights.is_contiguous():
        int8_weights = _dense_rows(int8_weights)
        row_stride = int8_weights.stride(0)
    if not scales.is_contiguous():
        scales = scales.contiguous()
    if bias is not None and not bias.is_contiguous():
        bias = bias.contiguous()
    _native.linear(
        torch.get_num_threads(), activation_bits, x.data_ptr(), x_code, rows, stride, y.data_ptr(), int8_weights.data_ptr(),
        out_features, in_features, row_stride, scales.data_ptr(), scale_code, 0 if bias is None else bias.data_ptr(), bias_code,
    )  # fmt: skip
    return y


def _quantize_cpu(weights: Tensor) -> Tuple[Tensor, Tensor]:
    _check_quantize(weights)
    rows, columns = weights.shape
    int8_weights = weights.new_empty((rows, columns), dtype=torch.int8)
    scales = weights.new_empty((rows,))
    if columns == 0:
        return int8_weights, scales.fill_(1)
    # Weights whose rows have gaps (Conv1D's, transposed) are gathered block by block: a copy of all would be as large again.
    block = rows if weights.stride(1) == 1 and weights.stride(0) >= columns else 256
    for begin in range(0, rows, max(1, block)):
        part = _dense_rows(weights[begin : begin + block])
        _native.quantize(
            torch.get_num_threads(), part.data_ptr(), _CODES[part.dtype], part.shape[0], columns, part.stride(0), begin,
            int8_weights[begin:].data_ptr(), scales[begin:].data_ptr(),
        )  # fmt: skip
    return int8_weights, scales


def _linear_other(
    x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
) -> Tensor:
    _check_linear(x, int8_weights, scales, bias, activation_bits)
    return fallback.linear(x, int8_weights, scales, bias)


def _quantize_other(weights: Tensor) -> Tuple[Tensor, Tensor]:
    _check_quantize(weights)
    return fallback.quantize(weights)


def _linear_meta(
    x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
) -> Tensor:
    _check_linear(x, int8_weights, scales, bias, activation_bits)
    return x.new_empty((*x.shape[:-1], int8_weights.shape[0]))


def _quantize_meta(weights: Tensor) -> Tuple[Tensor, Tensor]:
    _check_quantize(weights)
    return weights.new_empty(weights.shape, dtype=torch.int8), weights.new_empty(weights.shape[:1])


class _Linear(torch.autograd.function._SingleLevelFunction):
    """The gradient: that of the dequantized layer, in x and bias. Of a single level, as the dispatcher calls for each level of
    torch.func's transforms by itself; torch.autograd.Function would start with the outermost again."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor], activation_bits: int
    ) -> Tensor:
        ctx.set_materialize_grads(False)  # what has no tangent has none, not zeros
        ctx.save_for_backward(int8_weights, scales)
        ctx.save_for_forward(int8_weights, scales)
        ctx.activation_bits = activation_bits
        ctx.y_shape = (*x.shape[:-1], int8_weights.shape[0])
        ctx.dtypes = x.dtype, None if bias is None else bias.dtype
        # Both modes are off in here; a level below this one (hessian: forward over reverse) needs them.
        with torch.enable_grad(), torch.autograd.forward_ad._set_fwd_grad_enabled(True), torch._C._AutoDispatchBelowAutograd():
            return linear(x, int8_weights, scales, bias, activation_bits)

    @staticmethod
    def backward(ctx: Any, grad: Optional[Tensor]) -> Any:
        if grad is None:
            return None, None, None, None, None
        int8_weights, scales = ctx.saved_tensors
        x_dtype, bias_dtype = ctx.dtypes
        grad_x = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = _grad_x(grad, int8_weights, scales).to(x_dtype)
        if bias_dtype is not None and ctx.needs_input_grad[3]:
            grad_bias = grad.reshape(-1, int8_weights.shape[0]).float().sum(0).to(bias_dtype)
        return grad_x, None, None, grad_bias, None

    @staticmethod
    def jvp(ctx: Any, x: Optional[Tensor], *others: Optional[Tensor]) -> Any:
        int8_weights, scales = ctx.saved_tensors
        _, scales_tangent, bias, _ = others
        if scales_tangent is not None:
            raise RuntimeError(f"{_LINEAR}: scales have a tangent, which quantized layers do not pass on")
        if x is None:
            assert bias is not None
            return bias.to(ctx.dtypes[0]).expand(ctx.y_shape).clone()
        return linear(x, int8_weights, scales, bias, ctx.activation_bits)


def _grad_x(grad: Tensor, int8_weights: Tensor, scales: Tensor) -> Tensor:
    """``(grad * scales) @ int8_weights`` in float32, over blocks of outputs: never a float copy of all weights."""
    scaled = grad.float() * scales.float()
    if isinstance(int8_weights.shape[0], torch.SymInt) or int8_weights.numel() <= _BLOCK:
        return scaled @ int8_weights.float()
    block = max(1, _BLOCK // int8_weights.shape[1])
    total: Optional[Tensor] = None
    for begin in range(0, int8_weights.shape[0], block):
        part = scaled[..., begin : begin + block] @ int8_weights[begin : begin + block].float()
        total = part if total is None else total.add_(part)
    assert total is not None
    return total


_BLOCK = 1 << 23  # weights


def _differentiable(*arguments: Any) -> Any:
    function: Any = _Linear
    with enable_single_level_autograd_function():
        return function.apply(*arguments)


def _linear_autograd(
    keys: Any, x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
) -> Any:
    wants_bias = bias is not None and bias.requires_grad
    if torch.is_grad_enabled() and (x.requires_grad or wants_bias or scales.requires_grad):
        if scales.requires_grad:
            raise RuntimeError(
                f"{_LINEAR}: scales require a gradient, which quantized layers do not give; call scales.requires_grad_(False)"
            )
        return _differentiable(x, int8_weights, scales, bias, activation_bits)
    if torch.autograd.forward_ad._current_level >= 0:
        return _differentiable(x, int8_weights, scales, bias, activation_bits)
    return _linear.redispatch(keys & _BELOW_AUTOGRAD, x, int8_weights, scales, bias, activation_bits)


_BELOW_AUTOGRAD = torch._C._after_autograd_keyset


def _quantize_autograd(keys: Any, weights: Tensor) -> Any:
    # No gradient comes back from it, so its results require none, whatever the weights do.
    return _quantize.redispatch(keys & _BELOW_AUTOGRAD, weights)


def _autocast(device_type: str, key: torch._C.DispatchKey) -> Any:
    """As F.linear: x in the dtype of the autocast region, and so y."""
    above = torch._C.DispatchKeySet(key)

    def kernel(
        x: Tensor, int8_weights: Tensor, scales: Tensor, bias: Optional[Tensor] = None, activation_bits: int = 24
    ) -> Tensor:
        with torch._C._ExcludeDispatchKeyGuard(above):
            if x.is_floating_point() and x.dtype != torch.float64:
                x = x.to(torch.get_autocast_dtype(device_type))
            return linear(x, int8_weights, scales, bias, activation_bits)

    return kernel


def _register() -> torch.library.Library:
    # The C++ library for LibTorch (libw8a16_torch.so) registers the same operators: who comes first serves all.
    there = hasattr(torch.ops.w8a16, "linear")
    library = torch.library.Library("w8a16", "FRAGMENT" if there else "DEF")
    if there:
        return library
    tags = (torch.Tag.pt2_compliant_tag,)
    library.define(
        "linear(Tensor x, Tensor int8_weights, Tensor scales, Tensor? bias=None, int activation_bits=24) -> Tensor", tags=tags
    )
    library.define("quantize(Tensor weights) -> (Tensor int8_weights, Tensor scales)", tags=tags)
    library.impl("linear", _linear_cpu, "CPU")
    library.impl("linear", _linear_other, "CompositeExplicitAutograd")
    library.impl("linear", _linear_autograd, "Autograd", with_keyset=True)
    library.impl("linear", _autocast("cpu", torch._C.DispatchKey.AutocastCPU), "AutocastCPU")
    library.impl("linear", _autocast("cuda", torch._C.DispatchKey.AutocastCUDA), "AutocastCUDA")
    library.impl("quantize", _quantize_cpu, "CPU")
    library.impl("quantize", _quantize_autograd, "Autograd", with_keyset=True)
    library.impl("quantize", _quantize_other, "CompositeExplicitAutograd")
    torch.library.register_fake(_LINEAR, _linear_meta, lib=library)
    torch.library.register_fake(_QUANTIZE, _quantize_meta, lib=library)
    return library


_library = _register()
_linear = torch.ops.w8a16.linear.default
_quantize = torch.ops.w8a16.quantize.default
