import copy
import re
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from w8a16 import W8A16LinearLayer, dequantize, replace_linear_with_target, replace_linear_with_target_and_quantize

ALL = ["linear_1", "blocks.0.0", "blocks.1.0", "extras.up"]


def test_verbatim(dummy):
    model = dummy()
    ids = torch.arange(20)
    before = model(ids)
    summary = replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    assert summary.replaced == ALL
    assert summary.left_alone == {"lm_head": "excluded by 'lm_head'"}
    assert type(model.lm_head) is nn.Linear and type(model.linear_1) is W8A16LinearLayer
    assert summary.bytes_before == sum(p.numel() for p in dummy().parameters()) * 4
    assert summary.bytes_after == sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])
    assert "replaced 4 linear layers" in str(summary) and "left alone: lm_head" in str(summary)
    after = model(ids)
    assert not torch.equal(before, after)
    assert (after - before).norm() < 0.05 * before.norm()


@pytest.mark.parametrize(
    "names, left",
    [
        (["up"], {"extras.up"}),
        (["extras.up", "blocks.1.0"], {"extras.up", "blocks.1.0"}),
        (["blocks"], {"blocks.0.0", "blocks.1.0"}),
        (["blocks.1"], {"blocks.1.0"}),
        ([r"re:blocks\.\d+\.0$"], {"blocks.0.0", "blocks.1.0"}),
        ([re.compile(r"linear_\d")], {"linear_1"}),
        ("lm_head", {"lm_head"}),
    ],
)
def test_names_to_exclude(names, left, dummy, recwarn):
    summary = replace_linear_with_target_and_quantize(dummy(), W8A16LinearLayer, names)
    assert set(summary.left_alone) == left
    assert set(summary.replaced) == {*ALL, "lm_head"} - left
    assert not recwarn.list


def test_a_name_that_matches_nothing_is_a_warning(dummy):
    with pytest.warns(UserWarning, match="'lm_haed' matches no linear layer; did you mean lm_head") as record:
        summary = replace_linear_with_target_and_quantize(dummy(), W8A16LinearLayer, ["lm_haed"])
    assert record[0].filename == __file__
    assert len(summary.replaced) == 5
    with pytest.raises(ValueError, match="not a regular expression"):
        replace_linear_with_target_and_quantize(dummy(), W8A16LinearLayer, ["re:("])
    with pytest.raises(TypeError, match="neither a string"):
        replace_linear_with_target_and_quantize(dummy(), W8A16LinearLayer, [3])


def test_without_weights_then_load(dummy):
    model = dummy()
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    other = dummy()
    replace_linear_with_target(other, W8A16LinearLayer, ["lm_head"])
    with pytest.raises(RuntimeError, match="no weights yet"):
        other(torch.arange(3))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(torch.arange(20)), model(torch.arange(20)))
    duplicate = copy.deepcopy(model)
    assert torch.equal(duplicate(torch.arange(20)), model(torch.arange(20)))


def test_conv1d(conv1d):
    model = nn.Sequential(conv1d(300, 24))
    x = torch.randn(5, 24)
    before, weight = model(x), model[0].weight.detach()
    replace_linear_with_target_and_quantize(model)
    assert model[0].int8_weights.shape == (300, 24)
    expected = W8A16LinearLayer(24, 300)
    expected.quantize(weight.t().contiguous())
    assert torch.equal(model[0].int8_weights, expected.int8_weights)
    assert (model(x) - before).norm() < 0.02 * before.norm()


def test_attention_output_stays():
    model = nn.Sequential(nn.Linear(4, 4), nn.MultiheadAttention(4, 1))
    summary = replace_linear_with_target_and_quantize(model, include_subclasses=True)
    assert summary.replaced == ["0"] and "MultiheadAttention" in summary.left_alone["1.out_proj"]


def test_nothing_replaced_is_a_warning():
    class Squared(nn.Linear):
        def forward(self, x):
            return super().forward(x) ** 2

    for model, reason in ((nn.Sequential(Squared(4, 4)), "Squared is a subclass"), (nn.ReLU(), "the model has none")):
        with pytest.warns(UserWarning, match=f"no linear layer was replaced .*{reason}") as record:
            replace_linear_with_target_and_quantize(model)
        assert record[0].filename == __file__
    assert replace_linear_with_target_and_quantize(nn.Sequential(Squared(4, 4)), include_subclasses=True).replaced == ["0"]


def test_heads_and_routers_are_named():
    model = nn.ModuleDict({"lm_head": nn.Linear(4, 4), "mlp": nn.ModuleDict({"gate": nn.Linear(4, 4), "up": nn.Linear(4, 4)})})
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.heads_and_routers == ["lm_head", "mlp.gate"]
    assert "heads and routers among them: lm_head, mlp.gate" in str(summary)


def test_transformer_encoder_does_not_bypass_the_layers():
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2).eval()
    x = torch.randn(2, 5, 16)
    with torch.no_grad():
        before = model(x)
        summary = replace_linear_with_target_and_quantize(model)
        calls = []
        model.layers[1].linear2.register_forward_hook(lambda *_: calls.append(1))
        after = model(x)
    assert len(summary.replaced) == 4 and calls
    assert not torch.equal(before, after) and (before - after).norm() < 0.02 * before.norm()
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.no_grad():
        padded = model(x, src_key_padding_mask=padding)
        assert torch.isfinite(padded).all() and torch.allclose(padded[0], after[0], atol=1e-5)
        replace_linear_with_target_and_quantize(model)  # finds nothing new, and keeps what it knows of the fast paths
        dequantize(model)
        assert model.use_nested_tensor and [layer.activation_relu_or_gelu for layer in model.layers] == [1, 1]
        assert torch.allclose(model(x), after, atol=1e-4)
    with pytest.raises(ValueError, match="dequantize.. makes a float one"):
        dequantize(W8A16LinearLayer(4, 4))


def test_shared_modules_stay_shared():
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.Sequential(shared))
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == ["0", "1.0"]
    assert model[0] is model[1][0]


def test_activation_bits(dummy):
    model = dummy()
    replace_linear_with_target_and_quantize(model, activation_bits=16)
    assert model.linear_1.activation_bits == model.extras["up"].activation_bits == 16
    with pytest.raises(ValueError, match="24 or 16"):
        replace_linear_with_target_and_quantize(dummy(), activation_bits=8)


@pytest.mark.parametrize("options", [{"batch_first": False}, {"batch_first": True, "norm_first": True}, {"batch_first": True}])
def test_encoders_that_stay_float_keep_their_paths(options):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, **options), 2)
    before = encoder.use_nested_tensor
    assert before == (options == {"batch_first": True})
    model = nn.ModuleDict({"encoder": encoder, "fc": nn.Linear(4, 4)})
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["encoder"])
    assert encoder.use_nested_tensor == before
    replace_linear_with_target_and_quantize(model)
    assert not encoder.use_nested_tensor
    dequantize(model)
    assert encoder.use_nested_tensor == before


def test_names_below_a_shared_block():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

    def make():
        model = nn.Module()
        model.enc = Block()
        model.dec = model.enc
        model.fc = nn.Linear(4, 4)
        return model

    for names in (["dec"], ["dec.fc"], ["enc"]):
        model = make()
        summary = replace_linear_with_target_and_quantize(model, W8A16LinearLayer, names)
        assert summary.replaced == ["fc"] and set(summary.left_alone) == {"enc.fc", "dec.fc"} and not summary.warnings
    model = make()
    assert replace_linear_with_target_and_quantize(model).replaced == ["enc.fc", "dec.fc", "fc"]
    assert model.enc.fc is model.dec.fc and dequantize(model) == ["enc.fc", "dec.fc", "fc"]


def test_layers_held_outside_the_tree_stay():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))
            self.sequence = [self.a]
            object.__setattr__(self, "again", self.b)

        def forward(self, x):
            return self.c(self.again(self.sequence[0](x)))

    model = Model()
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == ["c"]
    assert "sequence holds it too" in summary.left_alone["a"] and "again holds it too" in summary.left_alone["b"]


def test_computed_weights_are_not_ties():
    norm = torch.nn.utils.parametrizations.weight_norm
    model = nn.Sequential(norm(nn.Linear(16, 16)), nn.ReLU(), norm(nn.Linear(16, 16)))
    x = torch.randn(3, 16)
    before = model(x)
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, [], include_subclasses=True)
    assert model[0].int8_weights is not model[2].int8_weights
    assert (model(x) - before).norm() < 0.03 * before.norm()


def test_tied_weights_stay_tied():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    summary = replace_linear_with_target_and_quantize(model)
    assert len(summary.replaced) == 3
    assert model[0].int8_weights is model[1].int8_weights and model[0].scales is model[1].scales
    assert model[0].bias is not model[1].bias
    assert model[2].int8_weights is not model[0].int8_weights
    dequantize(model)
    assert model[0].weight is model[1].weight and model[2].weight is not model[0].weight


def test_a_head_tied_to_the_embedding_stays():
    model = nn.ModuleDict({"embedding": nn.Embedding(9, 4), "fc": nn.Linear(4, 4), "lm_head": nn.Linear(4, 9, bias=False)})
    model["lm_head"].weight = model["embedding"].weight
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == ["fc"]
    assert summary.left_alone == {"lm_head": "its weight is also embedding.weight, which stays float"}


def test_hooks_and_training_mode():
    model = nn.Sequential(torch.nn.utils.weight_norm(nn.Linear(4, 4)), nn.Linear(4, 4)).eval()
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == ["1"] and "hooks" in summary.left_alone["0"]
    assert not model[1].training


def test_meta_device():
    model = nn.Sequential(nn.Linear(4, 8, device="meta"))
    with pytest.warns(UserWarning, match="has no values"):
        summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == [] and type(model[0]) is nn.Linear
    replace_linear_with_target(model)
    assert model[0].int8_weights.is_meta and model(torch.empty(2, 4, device="meta")).shape == (2, 8)
    model.to_empty(device="cpu")
    source = W8A16LinearLayer(4, 8)
    source.quantize(torch.randn(8, 4))
    model[0].load_state_dict(source.state_dict())
    x = torch.randn(2, 4)
    assert torch.equal(model(x), source(x))


def test_a_forward_that_was_patched_stays():
    layer, calls = nn.Linear(4, 4), []
    forward = layer.forward
    layer.forward = lambda x: (calls.append(1), forward(x))[1]
    model = nn.Sequential(layer, nn.Linear(4, 4))
    summary = replace_linear_with_target_and_quantize(model)
    model(torch.randn(1, 4))
    assert calls and summary.replaced == ["1"] and "replaced on the instance" in summary.left_alone["0"]


def test_offloaded_weights_stay(dummy):
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    model = dummy()
    ids = torch.arange(4)
    before = model(ids)
    accelerate.cpu_offload(model, torch.device("cpu"))
    with pytest.warns(UserWarning, match="no linear layer was replaced"):
        replace_linear_with_target_and_quantize(model)
    assert torch.equal(model(ids), before)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((["lm_head"],), TypeError, "target_class is .*not a class of modules"),
        ((W8A16LinearLayer(4, 4),), TypeError, "not a class of modules"),
        ((int,), TypeError, "not a class of modules"),
        ((W8A16LinearLayer, None), TypeError, "names_to_exclude: None is not a list"),
        ((W8A16LinearLayer, 3), TypeError, "names_to_exclude: 3 is not a list"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message, dummy):
    model = dummy()
    with pytest.raises(error, match=message):
        replace_linear_with_target_and_quantize(model, *arguments)
    assert type(model.linear_1) is nn.Linear
    with pytest.raises(TypeError, match="model is a list"):
        replace_linear_with_target_and_quantize([nn.Linear(4, 4)])


def test_a_subclass_s_own_quantize_is_called():
    class Clipped(W8A16LinearLayer):
        def quantize(self, weights):
            super().quantize(weights.clamp(-0.1, 0.1))

    model = nn.Sequential(nn.Linear(64, 64))
    model[0].weight.data.mul_(10)
    replace_linear_with_target_and_quantize(model, Clipped)
    assert type(model[0]) is Clipped and model[0].weight.abs().max() <= 0.1001


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_dequantize_is_the_way_back(dtype, dummy, conv1d):
    model = dummy(dtype).eval()
    ids = torch.arange(20)
    replace_linear_with_target_and_quantize(model)
    quantized = model(ids)
    names = dequantize(model)
    assert names == [*ALL, "lm_head"] and not any(isinstance(module, W8A16LinearLayer) for module in model.modules())
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 0.02, torch.float16: 0.003}[dtype]
    assert (model(ids) - quantized).norm() <= tolerance * quantized.norm()
    convolution = nn.Sequential(conv1d(6, 4))
    shape, kind = convolution[0].weight.shape, type(convolution[0])
    replace_linear_with_target_and_quantize(convolution)
    expected = convolution(torch.ones(2, 4))
    dequantize(convolution)
    assert type(convolution[0]) is kind and convolution[0].weight.shape == shape
    assert torch.allclose(convolution(torch.ones(2, 4)), expected, atol=1e-5)
    shared = nn.Linear(4, 4)
    twice = nn.Sequential(shared, shared)
    replace_linear_with_target_and_quantize(twice)
    assert dequantize(twice) == ["0", "1"] and twice[0] is twice[1]


def test_already_quantized(dummy):
    model = dummy()
    replace_linear_with_target_and_quantize(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    summary = replace_linear_with_target_and_quantize(model)
    assert summary.replaced == [] and summary.bytes_before == summary.bytes_after
    assert summary.left_alone["linear_1"] == "a W8A16LinearLayer already"
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_bad_weights_are_found_before_anything_is_replaced(dummy):
    model = dummy()
    with torch.no_grad():
        model.extras["up"].weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="cannot quantize extras.up: .*Nothing was replaced"):
        replace_linear_with_target_and_quantize(model)
    assert type(model.linear_1) is nn.Linear
    assert "extras.up" not in replace_linear_with_target_and_quantize(model, names_to_exclude=["up"]).replaced
    with pytest.raises(TypeError, match="cannot quantize linear_1: its weight is torch.float64"):
        replace_linear_with_target_and_quantize(dummy(torch.float64))
    with pytest.raises(ValueError, match="itself is a linear layer"):
        replace_linear_with_target_and_quantize(nn.Linear(2, 2))


def test_other_target_classes(dummy):
    class Target(nn.Module):
        def __init__(self, in_features, out_features, bias=True, dtype=torch.float32):
            super().__init__()
            self.register_buffer("weight", torch.zeros(out_features, in_features, dtype=dtype))
            self.register_buffer("bias", torch.zeros(1, out_features, dtype=dtype) if bias else None)

        def quantize(self, weights):
            self.weight = weights.round()

    model = dummy()
    replace_linear_with_target_and_quantize(model, Target, ["lm_head"])
    assert isinstance(model.linear_1, Target) and torch.equal(model.linear_1.weight, model.linear_1.weight.round())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory():
    """Twenty 2048x2048 float32 layers: to 26 %, and never above the float model, one layer and 50 MB."""
    program = textwrap.dedent(
        """
        import torch, gc
        from w8a16 import replace_linear_with_target_and_quantize
        def status(key):
            for line in open("/proc/self/status"):
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
        start = status("VmRSS")
        model = torch.nn.Sequential(*[torch.nn.Linear(2048, 2048) for _ in range(20)])
        full = status("VmRSS")
        open("/proc/self/clear_refs", "w").write("5")
        summary = replace_linear_with_target_and_quantize(model)
        gc.collect()
        print(start, full, status("VmHWM"), status("VmRSS"), summary.bytes_after / summary.bytes_before)
        """
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if "clear_refs" in result.stderr:
        pytest.skip("/proc/self/clear_refs cannot be written here")
    assert result.returncode == 0, result.stderr
    start, full, peak, after, share = (float(word) for word in result.stdout.split())
    layer = 2048 * 2048 * 4
    print(f"start {start / 1e6:.0f} MB, float {full / 1e6:.0f}, peak {peak / 1e6:.0f}, after {after / 1e6:.0f}")
    assert share <= 0.26
    assert peak <= full + layer + 50e6
    assert after - start <= 0.26 * (full - start) + 50e6
