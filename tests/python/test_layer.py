import copy
import pickle

import pytest
import torch
import torch.nn.utils.prune

from quantizer import W8A16LinearLayer, quantize
from w8a16.layout import pack


def test_verbatim():
    layer = W8A16LinearLayer(in_features=4, out_features=8, bias=True)
    layer.quantize(torch.randn((8, 4), dtype=torch.float32))
    output = layer(torch.randn((2, 4), dtype=torch.float32))
    assert output.shape == (2, 8) and output.dtype == torch.float32
    assert layer.int8_weights.dtype == torch.int8 and layer.scales.shape == (8,) and layer.bias.shape == (8,)


def test_forward_before_quantize():
    layer = W8A16LinearLayer(4, 8)
    with pytest.raises(RuntimeError, match=r"call quantize\(weights\) or load a state first"):
        layer(torch.randn(2, 4))


@pytest.mark.parametrize(
    "weights, error, message",
    [
        (torch.randn(4, 8), ValueError, r"shape \[4, 8\], but this layer needs \[8, 4\]"),
        (torch.randn(8), ValueError, r"shape \[8\]"),
        (torch.ones(8, 4, dtype=torch.int32), TypeError, "torch.int32; convert"),
        (torch.randn(8, 4, dtype=torch.float64), TypeError, "torch.float64; convert"),
        (torch.full((8, 4), float("nan")), RuntimeError, "row 0, column 0"),
        (torch.full((8, 4), float("-inf")), RuntimeError, "row 0, column 0"),
        (torch.empty(8, 4, device="meta"), ValueError, "meta"),
        ([[1.0]], TypeError, "list, not a tensor"),
    ],
)
def test_bad_weights_leave_the_layer_unchanged(weights, error, message, make_layer):
    layer = make_layer(4, 8)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with pytest.raises(error, match=message):
        layer.quantize(weights)
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_bad_options():
    with pytest.raises(TypeError, match="float64"):
        W8A16LinearLayer(4, 8, dtype=torch.float64)
    with pytest.raises(ValueError, match="negative size"):
        W8A16LinearLayer(-4, 8)


def test_quantizes_parameters():
    layer = W8A16LinearLayer(4, 8, bias=False)
    layer.quantize(torch.nn.Linear(4, 8).weight)
    assert not layer.scales.requires_grad and layer.bias is None
    assert list(layer.state_dict()) == ["int8_weights", "scales"]


@pytest.mark.parametrize("convert", [lambda m: m.half(), lambda m: m.to(torch.bfloat16), lambda m: m.double(),
                                     lambda m: m.type(torch.float16), lambda m: m.to("cpu", torch.float16)])
def test_conversions_do_not_touch_weights_and_scales(convert, make_layer):
    layer = make_layer(4, 8)
    q, scales = layer.int8_weights.clone(), layer.scales.clone()
    convert(torch.nn.Sequential(layer))
    assert layer.int8_weights.dtype == torch.int8 and torch.equal(layer.int8_weights, q)
    assert layer.scales.dtype == torch.float32 and torch.equal(layer.scales, scales)
    assert layer.bias.dtype != torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_moves_to_a_device(make_layer):
    layer = make_layer(4, 8).to("cuda", torch.float16)
    assert layer.int8_weights.is_cuda and layer.scales.is_cuda and layer.scales.dtype == torch.float32


def test_state_dict_round_trip(make_layer):
    for dtype in (torch.float32, torch.bfloat16):
        layer = make_layer(4, 8, dtype)
        other = W8A16LinearLayer(4, 8)
        other.load_state_dict(layer.state_dict())
        assert other.scales.dtype == dtype
        x = torch.randn(3, 4).to(dtype)
        assert torch.equal(other(x), layer(x))
    with pytest.raises(RuntimeError, match="size mismatch"):
        W8A16LinearLayer(5, 8).load_state_dict(layer.state_dict())
    with pytest.raises(RuntimeError, match="not int8"):
        other.load_state_dict({**layer.state_dict(), "int8_weights": torch.randn(8, 4)})
    with pytest.raises(RuntimeError, match="a float layer's state, but this layer is quantized"):
        other.load_state_dict(torch.nn.Linear(4, 8).state_dict())


def test_copies_and_pickles(make_layer, tmp_path):
    layer = make_layer(4, 8)
    x = torch.randn(3, 4)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))
        other.int8_weights.zero_()
        assert layer.int8_weights.any()
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    assert torch.equal(torch.load(tmp_path / "state.pt", weights_only=True)["int8_weights"], layer.int8_weights)
    torch.save(torch.nn.Sequential(layer), tmp_path / "model.pt")
    with pytest.raises(pickle.UnpicklingError, match="W8A16LinearLayer|Sequential"):
        torch.load(tmp_path / "model.pt", weights_only=True)
    with torch.serialization.safe_globals([W8A16LinearLayer, torch.nn.Sequential]):
        assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)(x), layer(x))
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=False)(x), layer(x))


def test_weight_is_the_dequantized_one():
    layer = W8A16LinearLayer(4, 8)
    weights = torch.randn(8, 4)
    layer.quantize(weights)
    assert torch.equal(layer.weight, layer.int8_weights.float() * layer.scales[:, None])
    assert (layer.weight - weights).abs().max() <= layer.scales.max() / 2 * 1.0001
    assert "weight" not in layer.state_dict()


def test_repr(make_layer):
    assert repr(make_layer(4, 8)) == "W8A16LinearLayer(in_features=4, out_features=8, bias=True, scales=float32)"
    assert "activation_bits=16" in repr(W8A16LinearLayer(4, 8, activation_bits=16))


def test_parameters_that_people_ask_for(make_layer):
    layer = make_layer(4, 8, torch.bfloat16)
    assert next(layer.parameters()) is layer.int8_weights
    assert {name: parameter.requires_grad for name, parameter in layer.named_parameters()} == {
        "int8_weights": False, "scales": False, "bias": False
    }
    assert sum(parameter.numel() for parameter in layer.parameters()) == 8 * 4 + 8 + 8
    layer.bias.requires_grad_()
    layer(torch.randn(3, 4).bfloat16()).sum().backward()
    assert torch.equal(layer.bias.grad, torch.full((8,), 3.0, dtype=torch.bfloat16))


@pytest.mark.parametrize("value", [torch.nn.Parameter(torch.randn(8, 4)), torch.randn(8, 4)])
def test_the_weight_cannot_be_assigned(value, make_layer):
    layer = make_layer(4, 8)
    before = layer.weight
    with pytest.raises(AttributeError, match=r"quantize\(weights\).*names_to_exclude"):
        layer.weight = value
    assert torch.equal(layer.weight, before) and "weight" not in layer.state_dict()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [True, False])
def test_from_linear_and_back(dtype, bias):
    linear = torch.nn.Linear(6, 5, bias, dtype=dtype).eval()
    layer = W8A16LinearLayer.from_linear(linear)
    assert not layer.training and layer.scales.dtype == dtype
    expected, scales = quantize(linear.weight)
    assert torch.equal(layer.int8_weights, expected) and torch.equal(layer.scales, scales)
    back = layer.dequantize()
    assert type(back) is torch.nn.Linear and not back.training and back.weight.dtype == dtype
    assert torch.equal(back.weight, layer.weight) and (back.bias is None) == (not bias)
    again = W8A16LinearLayer.from_linear(back)
    if dtype == torch.float32:
        assert torch.equal(again.int8_weights, layer.int8_weights)
    if bias:
        assert torch.equal(back.bias, linear.bias) and layer.bias.data_ptr() == linear.bias.data_ptr()


def test_from_linear_refuses_what_is_not_one():
    with pytest.raises(TypeError, match="ReLU: not a linear layer"):
        W8A16LinearLayer.from_linear(torch.nn.ReLU())
    with pytest.raises(ValueError, match="no values"):
        W8A16LinearLayer.from_linear(torch.nn.Linear(4, 8, device="meta"))
    with pytest.raises(TypeError, match="float64"):
        W8A16LinearLayer.from_linear(torch.nn.Linear(4, 8, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="row 2, column 1"):
        linear = torch.nn.Linear(4, 8)
        linear.weight.data[2, 1] = float("inf")
        W8A16LinearLayer.from_linear(linear)


def test_a_subclass_chooses_its_own_scales():
    class Clipped(W8A16LinearLayer):
        def quantize(self, weights):
            super().quantize(weights.clamp(-0.1, 0.1))

    linear = torch.nn.Linear(16, 16)
    linear.weight.data.mul_(10)
    assert Clipped.from_linear(linear).weight.abs().max() <= 0.1001


def test_activation_bits(make_layer):
    layer = make_layer(256, 33)
    x = torch.randn(5, 256)
    full = layer(x)
    layer.activation_bits = 16
    exact = torch.nn.functional.linear(x.double(), layer.weight.double(), layer.bias.double())
    assert not torch.equal(layer(x), full)
    assert (full - exact).norm() < 1e-6 * exact.norm() and 1e-6 * exact.norm() < (layer(x) - exact).norm() < 1e-4 * exact.norm()
    with pytest.raises(ValueError, match="it must be 24 or 16"):
        W8A16LinearLayer(4, 8, activation_bits=8)
    layer.activation_bits = 8
    with pytest.raises(RuntimeError, match="activation_bits is 8; it must be 24"):
        layer(x)


@pytest.mark.parametrize("in_features", [4, 7])
@pytest.mark.parametrize("form", ["packed", "plain"])
def test_loads_a_checkpoint_s_tensors(form, in_features, make_layer):
    source = make_layer(in_features, 8, torch.bfloat16)
    parts = pack(source.int8_weights.data, source.scales.data)
    if form == "plain":
        parts = {"weight": source.int8_weights.data, "weight_scale": source.scales.data[:, None]}
    state = {**{f"0.{name}": tensor for name, tensor in parts.items()}, "0.bias": source.bias.data}
    before = {name: tensor.clone() for name, tensor in state.items()}
    model = torch.nn.Sequential(W8A16LinearLayer(in_features, 8))
    model.load_state_dict(state)
    x = torch.randn(3, in_features)
    assert torch.equal(model(x), source(x)) and model[0].scales.dtype == torch.bfloat16
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())
    model.load_state_dict(state, assign=True)
    assert torch.equal(model(x), source(x))
    state["0.weight_scale"] = state["0.weight_scale"].clone()
    state["0.weight_scale"][3] = -1
    with pytest.raises(RuntimeError, match="weight_scale of row 3 is -1"):
        model.load_state_dict(state)


@pytest.mark.parametrize("convert, dtype", [(lambda m: m.half(), torch.float16), (lambda m: m.to(torch.bfloat16), torch.bfloat16)])
def test_the_weight_has_the_dtype_that_people_gave_the_model(convert, dtype, make_layer):
    layer = make_layer(4, 8)
    exact = layer.weight
    convert(torch.nn.Sequential(layer))
    assert layer.weight.dtype == dtype and torch.equal(layer.weight, exact.to(dtype)) and layer.scales.dtype == torch.float32
    back = layer.dequantize()
    assert back.weight.dtype == back.bias.dtype == dtype
    layer.float()
    assert torch.equal(layer.weight, exact)


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_scales_of_other_dtypes_are_not_loaded(dtype, make_layer):
    layer, state = make_layer(4, 8), make_layer(4, 8).state_dict()
    state["scales"] = state["scales"].to(dtype)
    with pytest.raises(RuntimeError, match=f"scales are {dtype}"):
        layer.load_state_dict(state)
    with pytest.raises(RuntimeError, match="its scales, weight_scale, are missing"):
        layer.load_state_dict({"weight": state["int8_weights"], "bias": state["bias"]})
    assert layer.scales.dtype == torch.float32


def test_pruned_bias(make_layer):
    layer = make_layer(4, 8)
    x = torch.randn(2, 4)
    expected = layer(x) - layer.bias
    torch.nn.utils.prune.identity(layer, "bias")
    assert torch.allclose(layer(x), expected + layer.bias)
    assert "bias=True" in repr(layer)


def test_scripts_after_a_conv1d(conv1d):
    layer = W8A16LinearLayer.from_linear(conv1d(6, 4))
    x = torch.randn(2, 4)
    assert torch.equal(torch.jit.script(layer)(x), layer(x))
