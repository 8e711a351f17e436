import copy
import pickle

import pytest
import torch

from quantizer import W8A16LinearLayer


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
    with pytest.raises(RuntimeError, match="int8_weights"):
        other.load_state_dict(torch.nn.Linear(4, 8).state_dict())


def test_copies_and_pickles(make_layer, tmp_path):
    layer = make_layer(4, 8)
    x = torch.randn(3, 4)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))
        other.int8_weights.zero_()
        assert layer.int8_weights.any()
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    assert torch.equal(torch.load(tmp_path / "state.pt")["int8_weights"], layer.int8_weights)


def test_weight_is_the_dequantized_one():
    layer = W8A16LinearLayer(4, 8)
    weights = torch.randn(8, 4)
    layer.quantize(weights)
    assert torch.equal(layer.weight, layer.int8_weights.float() * layer.scales[:, None])
    assert (layer.weight - weights).abs().max() <= layer.scales.max() / 2 * 1.0001
    assert "weight" not in layer.state_dict()


def test_repr(make_layer):
    assert repr(make_layer(4, 8)) == "W8A16LinearLayer(in_features=4, out_features=8, bias=True, scales=float32)"
