"""The compositions for other devices, run on the CPU: the same 8-bit weights and scales, and y in their own arithmetic."""

import pytest
import torch

import w8a16
from w8a16 import fallback

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def hard_rows(dtype):
    """Rows over the whole range of exponents, and around the borders where scales become subnormal."""
    info = torch.finfo(dtype)
    low = int(torch.tensor(info.smallest_normal).log2()) - {torch.float32: 23, torch.bfloat16: 7, torch.float16: 10}[dtype]
    high = int(torch.tensor(info.max).double().log2())
    magnitudes = [2.0**exponent for exponent in range(low, high + 1)]
    magnitudes += [127 * info.smallest_normal * step for step in (0.5, 0.99, 1, 1.01, 2)]
    rows = (torch.rand(len(magnitudes), 64, dtype=torch.float64) * 2 - 1) * torch.tensor(magnitudes, dtype=torch.float64)[:, None]
    smallest = 2.0**low
    exact = torch.tensor([[smallest * n] * 64 for n in (1, 126, 127, 128, 253, 254, 255, 381)], dtype=torch.float64)
    return torch.cat([rows, exact, torch.zeros(1, 64, dtype=torch.float64)]).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_weights_and_scales_as_on_the_cpu(dtype):
    weights = hard_rows(dtype)
    assert torch.isfinite(weights).all()
    q, scales = fallback.quantize(weights)
    expected_q, expected_scales = w8a16.quantize(weights)
    assert scales.dtype == dtype and torch.equal(scales, expected_scales)
    assert torch.equal(q, expected_q)


def test_bad_weights():
    weights = torch.randn(4, 5)
    weights[2, 3] = float("nan")
    with pytest.raises(RuntimeError, match="row 2, column 3 is nan"):
        fallback.quantize(weights)
    assert [t.shape for t in fallback.quantize(torch.empty(3, 0))] == [(3, 0), (3,)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale_dtype", DTYPES)
def test_close_to_float64(dtype, scale_dtype, reference):
    q, scales = w8a16.quantize((torch.randn(33, 256) / 16).to(scale_dtype))
    x, bias = torch.randn(5, 256).to(dtype), torch.randn(33).to(scale_dtype)
    y = fallback.linear(x, q, scales, bias)
    expected = reference(x, q, scales, bias)
    rounding = {torch.float32: 1e-6, torch.bfloat16: 2.0**-7, torch.float16: 2.0**-9}[dtype]
    if dtype == scale_dtype != torch.float32:
        rounding *= 2
    assert y.dtype == dtype and (y - expected).norm() <= rounding * expected.norm()


def require_float16(y, expected):
    """y is expected, rounded to float16 two or three times; infinite where that is too large for it."""
    assert torch.isinf(y[expected.abs() > 65600]).all()
    fits = expected.abs() < 65400
    assert ((y.double() - expected).abs() <= 2.0**-10 * expected.abs() + 2.0**-24)[fits].all()


@pytest.mark.parametrize("scale", [6e-8, 1e-7, 1e-5, 2.0**-14, 1e-3, 0.3])
@pytest.mark.parametrize("times", [10, 100, 1000])
def test_sums_beyond_float16(scale, times, reference):
    """Sums of q x of ten to a thousand times 65,504, with float32 scales that float16 holds badly or well."""
    scales = torch.full((3,), scale)
    q = torch.full((3, 1024), 127, dtype=torch.int8)
    q[1] = -127
    q[2] = torch.randint(0, 128, (1024,))
    x = torch.full((2, 1024), times * 65504 / (127 * 1024.0)).half()
    y, expected = fallback.linear(x, q, scales, None), reference(x, q, scales)
    require_float16(y, expected)


@pytest.mark.parametrize("scale", [3e4, 1e5, 1e20, 1e38])
def test_large_scales(scale, reference):
    x = torch.full((1, 8), 1e-7).half()
    q = torch.tensor([[1, 0, 0, 0, 0, 0, 0, 0], [127] * 8], dtype=torch.int8)
    scales = torch.full((2,), scale)
    y, expected = fallback.linear(x, q, scales, None), reference(x, q, scales)
    require_float16(y, expected)


def test_registered_for_other_devices():
    for name in ("w8a16::linear", "w8a16::quantize"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeExplicitAutograd")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", DTYPES)
def test_on_a_gpu(dtype):
    weights = hard_rows(dtype)
    for a, b in zip(w8a16.quantize(weights.cuda()), w8a16.quantize(weights)):
        assert torch.equal(a.cpu(), b)
