import math
import os
import subprocess
import sys

import pytest
import torch

import w8a16

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 3, 17])
def test_close_to_float64(dtype, rows, make_layer, reference):
    layer = make_layer(256, 33, dtype)
    x = torch.randn(rows, 256).to(dtype)
    y = layer(x)
    assert y.dtype == dtype
    expected = reference(x, layer.int8_weights, layer.scales, layer.bias)
    if dtype == torch.float32:
        assert (y - expected).norm() <= 1e-5 * expected.norm()
        return
    weights = layer.int8_weights.double() * layer.scales.double()[:, None]
    rounding = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}[dtype]
    bound = math.sqrt(256) / 65278 * x.double().norm(dim=1)[:, None] * weights.norm(dim=1) + rounding * expected.abs()
    assert bool(((y.double() - expected).abs() <= bound).all())


def test_quantize_is_the_definition():
    weights = torch.randn(7, 11)
    weights[3] = 0
    int8_weights, scales = w8a16.quantize(weights)
    expected = weights.abs().amax(1) / 127
    expected[3] = 1
    assert torch.equal(scales, expected)
    assert torch.equal(int8_weights, torch.round(weights / expected[:, None]).to(torch.int8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", DTYPES)
def test_cuda_is_close_to_float64_and_differentiable(dtype, make_layer, reference):
    layer = make_layer(256, 33, dtype).cuda()
    x = torch.randn(4, 256, device="cuda").to(dtype).requires_grad_()
    y = layer(x)
    expected = reference(x.detach(), layer.int8_weights, layer.scales, layer.bias)
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}[dtype]
    assert (y - expected).norm() <= tolerance * expected.norm()
    y.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("shape", [(24,), (3, 24), (2, 3, 24), (0, 24), (2, 0, 24)])
def test_gradient_of_the_dequantized_layer(shape, make_layer, reference):
    layer = make_layer()
    x = torch.randn(shape, requires_grad=True)
    grad_y = torch.randn(*shape[:-1], 40)
    layer(x).backward(grad_y)
    x64 = x.detach().double().requires_grad_()
    reference(x64, layer.int8_weights, layer.scales, layer.bias).backward(grad_y.double())
    assert x.grad.shape == x.shape
    assert (x.grad - x64.grad).norm() <= 1e-5 * x64.grad.norm()


def test_double_backward(make_layer):
    x = torch.randn(2, 24, requires_grad=True)
    y = make_layer()(x)
    (grad,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    grad.sum().backward()
    assert x.grad is not None


def test_adapters_train_through_frozen_layers(make_layer):
    frozen = make_layer(8, 8)
    down, up = torch.nn.Linear(8, 2, bias=False), torch.nn.Linear(2, 8, bias=False)
    first = make_layer(8, 8)
    x = torch.randn(16, 8)
    optimizer = torch.optim.SGD([*down.parameters(), *up.parameters()], lr=0.05)
    losses = []
    for _ in range(20):
        loss = (frozen(first(x) + up(down(x))) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_rows_do_not_depend_on_the_batch_or_threads(make_layer):
    layer = make_layer(512, 300, torch.bfloat16)
    x = torch.randn(9, 512).bfloat16()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = torch.cat([layer(row) [None] for row in x])
        torch.set_num_threads(2)
        together = layer(x)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(alone, together)


@pytest.mark.parametrize(
    "x, message",
    [
        (torch.randn(2, 23), "last dimension of x is 23, but the layer has in_features = 24"),
        (torch.randn(2, 24, dtype=torch.float64), "x is torch.float64"),
        (torch.ones(2, 24, dtype=torch.int64), "x is torch.int64"),
        (torch.tensor(1.0), "x has no dimensions"),
    ],
)
def test_bad_input(x, message, make_layer):
    with pytest.raises(RuntimeError, match=message):
        make_layer()(x)


def test_script_trace_freeze(make_layer, tmp_path):
    for bias in (True, False):
        model = torch.nn.Sequential(make_layer(bias=bias), torch.nn.ReLU()).eval()
        x = torch.randn(3, 24)
        expected = model(x)
        scripted = torch.jit.script(model)
        assert torch.equal(scripted(x), expected)
        assert torch.equal(torch.jit.freeze(scripted)(x), expected)
        assert torch.equal(torch.jit.trace(model, x)(x), expected)
        scripted.save(str(tmp_path / "model.pt"))
        assert torch.equal(torch.jit.load(str(tmp_path / "model.pt"))(x), expected)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_without_graph_breaks(dynamic, make_layer):
    model = torch.nn.Sequential(make_layer(), torch.nn.ReLU())
    compiled = torch.compile(model, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for rows in (2, 3, 5):
        x = torch.randn(rows, 24, requires_grad=True)
        y = compiled(x)
        assert torch.equal(y, model(x))
        (grad,) = torch.autograd.grad(y.sum(), x)
        (expected,) = torch.autograd.grad(model(x).sum(), x)
        assert torch.allclose(grad, expected)
    with torch.no_grad():
        assert torch.equal(compiled(x), model(x))


def test_opcheck(make_layer):
    layer = make_layer()
    arguments = (torch.randn(3, 24, requires_grad=True), layer.int8_weights, layer.scales, layer.bias)
    torch.library.opcheck(torch.ops.w8a16.linear.default, arguments)
    torch.library.opcheck(torch.ops.w8a16.quantize.default, (torch.randn(4, 6),))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype, make_layer):
    layer, plain = make_layer(24, 24), torch.nn.Linear(24, 24)
    x = torch.randn(4, 24)
    with torch.autocast("cpu", dtype=dtype):
        y = layer(x)
        assert y.dtype == plain(x).dtype == dtype
        assert plain(x).index_add_(0, torch.arange(4), y).dtype == dtype
        with pytest.raises(RuntimeError, match="x is torch.float64"):
            layer(x.double())
        with torch.autocast("cpu", enabled=False):
            assert layer(x).dtype == torch.float32
    assert torch.equal(y, layer(x.to(dtype))) and layer(x).dtype == torch.float32


def test_forward_mode_gradient(make_layer):
    layer = make_layer()
    x, tangent = torch.randn(3, 24), torch.randn(3, 24)
    dual, parts = torch.autograd.forward_ad.make_dual, torch.autograd.forward_ad.unpack_dual
    with torch.autograd.forward_ad.dual_level():
        y = parts(layer(dual(x, tangent)))
        assert torch.equal(y.primal, layer(x))
        expected = tangent @ layer.weight.t()
        assert (y.tangent - expected).norm() <= 1e-5 * expected.norm()
        y = w8a16.linear(x, layer.int8_weights, layer.scales, dual(layer.bias.data, torch.ones(40)))
        assert torch.equal(parts(y).tangent, torch.ones(3, 40))
        with pytest.raises(RuntimeError, match="scales have a tangent"):
            w8a16.linear(x, layer.int8_weights, dual(layer.scales.data, torch.ones(40)))


@pytest.mark.parametrize("strided", ["columns", "rows", "transposed", "three dimensions"])
def test_layouts_of_x(strided, make_layer):
    layer = make_layer(24, 40)
    x = {
        "columns": torch.randn(3, 48)[:, ::2],
        "rows": torch.randn(6, 30)[::2, :24],
        "transposed": torch.randn(24, 3).t(),
        "three dimensions": torch.randn(2, 24, 3).transpose(1, 2),
    }[strided]
    assert torch.equal(layer(x), layer(x.contiguous()))


def test_layouts_of_weights():
    weights = torch.randn(24, 700)
    expected = w8a16.quantize(weights.t().contiguous())
    for form in (weights.t(), torch.randn(700, 30)[:, :24].copy_(weights.t())):
        assert all(torch.equal(a, b) for a, b in zip(w8a16.quantize(form), expected))
    q, scales = expected
    x = torch.randn(2, 24)
    gaps = torch.empty(700, 32, dtype=torch.int8)[:, :24].copy_(q)
    assert torch.equal(w8a16.linear(x, gaps, scales), w8a16.linear(x, q, scales))
    assert torch.equal(w8a16.linear(x, gaps.t().contiguous().t(), scales), w8a16.linear(x, q, scales))
    weights[11, 300] = float("nan")
    with pytest.raises(RuntimeError, match="row 300, column 11"):
        w8a16.quantize(weights.t())


@pytest.mark.parametrize("in_features, out_features, rows", [(0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_empty_sizes(in_features, out_features, rows):
    q, scales = w8a16.quantize(torch.randn(out_features, in_features))
    bias = torch.randn(out_features)
    y = w8a16.linear(torch.randn(rows, in_features), q, scales, bias)
    assert y.shape == (rows, out_features)
    if in_features == 0:
        assert torch.equal(y, bias.expand(rows, -1))


LIBRARY = os.path.join(os.environ.get("W8A16_BINARY_DIR", "."), "torch", "libw8a16_torch.so")


@pytest.mark.skipif(not os.path.exists(LIBRARY), reason=f"{LIBRARY} is not built")
@pytest.mark.parametrize("order", [["import w8a16", "LOAD"], ["LOAD", "import w8a16"]])
def test_beside_the_library_for_libtorch(order):
    """The operators of both faces have one name: who comes first serves all."""
    program = ["import torch", *order, "layer = w8a16.W8A16LinearLayer.from_linear(torch.nn.Linear(4, 3))"]
    program += ["x = torch.randn(2, 4, requires_grad=True)", "layer(x).sum().backward()", "print(layer(x).shape, x.grad.shape)"]
    load = f"torch.ops.load_library({LIBRARY!r})"
    text = "\n".join(line.replace("LOAD", load) for line in program)
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    if "undefined symbol" in result.stderr:
        pytest.skip(f"{LIBRARY} was built against another PyTorch")
    assert result.returncode == 0 and "torch.Size([2, 3]) torch.Size([2, 4])" in result.stdout, result.stderr[-2000:]


def test_what_quantize_gives_requires_no_gradient():
    linear = torch.nn.Linear(4, 8)
    q, scales = w8a16.quantize(linear.weight)
    assert not scales.requires_grad
    assert w8a16.linear(torch.randn(2, 4), q, scales, linear.bias).requires_grad


def test_transforms_of_torch_func(make_layer):
    layer = make_layer(6, 4)
    x, weight = torch.randn(3, 6), layer.weight
    close = lambda a, b: torch.allclose(a, b, atol=1e-5)  # noqa: E731
    assert close(torch.func.grad(lambda x: layer(x).sum())(x), weight.sum(0).expand(3, 6))
    assert close(torch.func.jacrev(layer)(x[0]), weight) and close(torch.func.jacfwd(layer)(x[0]), weight)
    assert close(torch.func.jvp(layer, (x,), (x,))[1], x @ weight.t())
    squares, second = lambda x: (layer(x) ** 2).sum(), 2 * weight.t() @ weight  # noqa: E731
    for outer in (torch.func.jacfwd, torch.func.jacrev):
        for inner in (torch.func.jacfwd, torch.func.jacrev):
            assert close(outer(inner(squares))(x[0]), second)
    assert torch.equal(torch.func.vmap(layer)(x), layer(x))
    assert close(torch.func.vmap(torch.func.grad(lambda x: layer(x).sum()))(x), weight.sum(0).expand(3, 6))
