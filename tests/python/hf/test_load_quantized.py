"""Checkpoints that are quantized already, into the same layers: w8a16.from_pretrained, and AutoModelForCausalLM."""

import hashlib
import json
import shutil
from importlib.util import find_spec

import pytest
import torch
import transformers
from conftest import CONFIGS, assert_same_checkpoint, settings, tensors
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForCausalLM

import w8a16
from w8a16 import W8A16Config, W8A16LinearLayer, layout
from w8a16.hf import IgnoreError, LayoutError, UnsupportedCheckpointError

FAMILIES = ["llama", "tied", "gpt2", "gpt_neox", "falcon", "mixtral", "qwen2_moe"]
needs_compressed_tensors = pytest.mark.skipif(
    find_spec("compressed_tensors") is None, reason="compressed-tensors, which transformers needs for this, is not installed"
)


def count(model):
    return sum(isinstance(module, W8A16LinearLayer) for module in model.modules())


@pytest.fixture
def copy(quantized, tmp_path):
    """copy(change): the directory of a quantized checkpoint after change(tensors, quantization_config)."""

    def make(change):
        target = tmp_path / "changed"
        shutil.copytree(quantized(), target)
        content = tensors(target)
        config = json.loads((target / "config.json").read_text())
        change(content, config["quantization_config"])
        save_file(content, target / "model.safetensors", metadata={"format": "pt"})
        (target / "config.json").write_text(json.dumps(config))
        return target

    return make


@pytest.mark.parametrize("form", ["pack-quantized", "int-quantized"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_layers_as_quantizing_while_loading(checkpoint, quantized, tmp_path, ids, family, form):
    directory = quantized(family, torch.float32, "--format", form)
    model = w8a16.from_pretrained(directory).eval()
    expected = w8a16.from_pretrained(checkpoint(family)).eval()
    assert count(model) == count(expected) >= 8
    assert torch.equal(model(ids).logits, expected(ids).logits)
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized(family, torch.float32))


def test_the_files_are_not_written_to(quantized):
    def digest():
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(quantized().glob("*.safetensors"))]

    before = digest()
    model = w8a16.from_pretrained(quantized())
    del model
    assert digest() == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, "auto"])
@pytest.mark.parametrize("form", ["pack-quantized", "int-quantized"])
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
def test_scales_keep_their_dtype(quantized, ids, stored, form, dtype):
    directory = quantized("llama", stored, "--format", form)
    model = w8a16.from_pretrained(directory, dtype=dtype)
    layer, scale = model.model.layers[0].mlp.up_proj, tensors(directory)["model.layers.0.mlp.up_proj.weight_scale"]
    assert layer.scales.dtype == stored and torch.equal(layer.scales, scale.flatten())
    others = stored if dtype == "auto" else dtype
    assert model.model.norm.weight.dtype == others and model(ids).logits.dtype == others
    assert model.model.layers[0].self_attn.q_proj.bias.dtype == others


@pytest.mark.skipif(
    transformers.__version__.startswith("4.57"),
    reason="transformers 4.57 hands over a state dict's tensors in the model's dtype, and not what they were before",
)
def test_a_state_dict_given_by_the_caller_is_not_changed(quantized, ids):
    state = tensors(quantized())
    before = {name: tensor.clone() for name, tensor in state.items()}
    reference = w8a16.from_pretrained(quantized())
    config = W8A16Config(checkpoint=settings(quantized()))
    model = type(reference).from_pretrained(
        None, config=CONFIGS["llama"](), state_dict=state, quantization_config=config, dtype=torch.float32
    )
    assert torch.equal(model(ids).logits, reference(ids).logits)
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())


def test_sharded(command, checkpoint, quantized, tmp_path, ids):
    command("quantize", checkpoint(), tmp_path / "shards", "--max-shard-size", "40KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    model = w8a16.from_pretrained(tmp_path / "shards")
    assert torch.equal(model(ids).logits, w8a16.from_pretrained(quantized())(ids).logits)


def test_a_base_model(quantized, ids):
    base = w8a16.from_pretrained(quantized(), auto_class=AutoModel)
    expected = w8a16.from_pretrained(quantized())(ids, output_hidden_states=True).hidden_states[-1]
    assert torch.equal(base(ids).last_hidden_state, expected)


def test_options_reach_transformers(quantized):
    model = w8a16.from_pretrained(quantized(), attn_implementation="eager", use_cache=False, dtype=torch.bfloat16)
    assert model.config._attn_implementation == "eager" and model.config.use_cache is False
    assert model.dtype == torch.bfloat16
    _, info = w8a16.from_pretrained(quantized(), output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]


@pytest.mark.parametrize("options", [{"device_map": "auto"}, {"device_map": "cpu"}])
def test_device_map(quantized, tmp_path, ids, options):
    pytest.importorskip("accelerate")
    model = w8a16.from_pretrained(quantized(), **options)
    assert torch.equal(model(ids).logits, w8a16.from_pretrained(quantized())(ids).logits)
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized())


@needs_compressed_tensors
@pytest.mark.parametrize("form", ["pack-quantized", "int-quantized"])
def test_auto_class_with_our_config(quantized, tmp_path, ids, form):
    directory = quantized("llama", torch.float32, "--format", form)
    with pytest.warns(UserWarning, match="already has a `quantization_config`"):
        model = AutoModelForCausalLM.from_pretrained(directory, quantization_config=W8A16Config(activation_bits=16))
    assert count(model) == 14 and model.model.layers[0].mlp.up_proj.activation_bits == 16
    reference = w8a16.from_pretrained(directory, quantization_config=W8A16Config(activation_bits=16))
    assert torch.equal(model(ids).logits, reference(ids).logits)
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized())


@needs_compressed_tensors
def test_others_load_what_we_save(checkpoint, tmp_path, ids):
    model = w8a16.from_pretrained(checkpoint()).eval()
    model.save_pretrained(tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()  # version 4 would take float16
    assert type(plain.hf_quantizer).__name__ == "CompressedTensorsHfQuantizer" and count(plain) == 0
    expected = model(ids).logits
    assert (plain(ids).logits - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_ignore_against_what_the_checkpoint_quantized(quantized):
    with pytest.raises(IgnoreError, match="model.layers.0.mlp.up_proj .* is quantized in the checkpoint"):
        w8a16.from_pretrained(quantized(), quantization_config=W8A16Config(ignore=["up_proj"]))
    with pytest.raises(IgnoreError, match="up_prj.*did you mean"):
        w8a16.from_pretrained(quantized(), quantization_config=W8A16Config(ignore=["up_prj"]))
    w8a16.from_pretrained(quantized(), quantization_config=W8A16Config(ignore=["lm_head"]))


def test_a_quantized_head_loads_by_default(quantized):
    model = w8a16.from_pretrained(quantized("llama", torch.float32, "--no-default-ignore"))
    assert isinstance(model.lm_head, W8A16LinearLayer)


def test_checkpoints_with_other_spellings(quantized, copy, ids):
    """llm-compressor's: scales of shape [N] or [N, 1], patterns, several groups, keys that mean nothing here."""

    def change(content, config):
        for name in [name for name in content if name.endswith("weight_shape")]:
            content[name] = content[name].to(torch.int32)
        name = "model.layers.0.mlp.up_proj.weight_scale"
        content[name] = content[name].flatten()
        group = config["config_groups"].pop("group_0")
        config["config_groups"] = {
            "attention": {**group, "targets": ["re:.*self_attn.*"]},
            "mlp": {**group, "targets": ["re:.*up_proj$", "re:.*gate_proj$", "re:.*down_proj$"]},
        }
        config["ignore"] = ["re:.*lm_head"]
        config["version"] = "0.9.9"
        del config["transform_config"], config["sparsity_config"]

    model = w8a16.from_pretrained(copy(change))
    assert count(model) == 14
    assert torch.equal(model(ids).logits, w8a16.from_pretrained(quantized())(ids).logits)


@needs_compressed_tensors
def test_what_compressed_tensors_itself_writes(checkpoint, tmp_path, ids):
    """llm-compressor's way, on compressed-tensors' own code."""
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config

    if not hasattr(ModelCompressor, "from_pretrained_model"):
        pytest.skip("this compressed-tensors has another interface")
    model = AutoModelForCausalLM.from_pretrained(checkpoint())
    weights = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}
    config = {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": ["lm_head"],
    }
    apply_quantization_config(model, QuantizationConfig.model_validate(config))
    for module in model.modules():
        if hasattr(module, "weight_scale"):
            module.weight_scale.data = module.weight.detach().abs().amax(1, keepdim=True) / 127.5
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(tmp_path)
    compressor.update_config(tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)(ids).logits
    ours = w8a16.from_pretrained(tmp_path)
    assert count(ours) == 14 and (ours(ids).logits - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def weights(**changes):
    return lambda content, config: config["config_groups"]["group_0"]["weights"].update(changes)


def group(**changes):
    return lambda content, config: config["config_groups"]["group_0"].update(changes)


def top(**changes):
    return lambda content, config: config.update(changes)


@pytest.mark.parametrize(
    "change, message",
    [
        (weights(num_bits=4), r"weights.num_bits = 4"),
        (weights(type="float"), r'weights.type = "float"'),
        (weights(symmetric=False), r"weights.symmetric = false"),
        (weights(strategy="group", group_size=128), r'strategy = "group"; groups of 128 along the input channels'),
        (weights(strategy="tensor"), r'strategy = "tensor"'),
        (weights(actorder="weight"), r"actorder"),
        (group(input_activations={"num_bits": 8, "type": "int"}), r"input_activations"),
        (group(format="marlin-24"), r'format = "marlin-24"'),
        (group(weights=None), r"group_0.weights"),
        (top(config_groups={}), r"config_groups"),
        (top(kv_cache_scheme={"num_bits": 8}), r"kv_cache_scheme"),
        (top(ignore="lm_head"), r'ignore = "lm_head"'),
        (group(targets=[3]), r"targets = .3"),
        (top(config_groups={"a": 3}), r"config_groups.a = 3"),
        (top(quant_method="gptq"), r'quant_method = "gptq"'),
        (top(sparsity_config={"format": "sparse-24-bitmask"}), r"sparsity_config"),
    ],
)
def test_other_schemes_are_refused(copy, change, message):
    with pytest.raises(UnsupportedCheckpointError, match=f"{message}.*supported are"):
        w8a16.from_pretrained(copy(change))


UP = "model.layers.0.mlp.up_proj"


def put(suffix, value):
    def change(content, config):
        content[f"{UP}.{suffix}"] = value(content.get(f"{UP}.{suffix}"))

    return change


def drop(*suffixes):
    def change(content, config):
        for suffix in suffixes:
            del content[f"{UP}.{suffix}"]

    return change


def row(value):
    def change(scale):
        scale = scale.clone()
        scale[3] = value
        return scale

    return change


def in_file(text):
    return rf"model\.safetensors: .*{text}"


@pytest.mark.parametrize(
    "change, message",
    [
        (put("weight_scale", row(float("nan"))), in_file("up_proj: weight_scale of row 3 is nan")),
        (put("weight_scale", row(float("inf"))), in_file("up_proj: weight_scale of row 3 is inf")),
        (put("weight_scale", row(0)), in_file("up_proj: weight_scale of row 3 is 0.0")),
        (put("weight_scale", row(-1)), in_file("up_proj: weight_scale of row 3 is -1.0")),
        (put("weight_scale", lambda scale: scale.double()), in_file("up_proj.weight_scale is F64")),
        (put("weight_scale", lambda scale: scale.repeat(1, 2)), in_file("up_proj.weight_scale is F32 .146, 2.*groups")),
        (put("weight_shape", lambda shape: shape + 4), in_file(r"up_proj: weight_shape says \[150, 68\]")),
        (put("weight_packed", lambda packed: packed.long()), in_file("up_proj.weight_packed is I64")),
        (put("weight_packed", lambda packed: packed[:-1].contiguous()), in_file("up_proj.weight_scale is F32")),
        (put("weight_zero_point", lambda none: torch.zeros(146, dtype=torch.int8)), in_file("zero points")),
        (drop("weight_scale"), in_file("up_proj.weight_scale is missing")),
        (drop("weight_shape"), in_file("up_proj.weight_shape is missing")),
        (drop("weight_packed", "weight_scale", "weight_shape"), "no model.layers.0.mlp.up_proj.weight_packed"),
    ],
)
def test_damaged_checkpoints(copy, change, message):
    with pytest.raises(LayoutError, match=message):
        w8a16.from_pretrained(copy(change))


def truncated(length):
    def change(directory):
        content = (directory / "model.safetensors").read_bytes()
        (directory / "model.safetensors").write_bytes(content[:length])

    return change


def file(content):
    return lambda directory: (directory / "model.safetensors").write_bytes(content)


def index(content):
    def change(directory):
        (directory / "model.safetensors").rename(directory / "model-00001-of-00001.safetensors")
        (directory / "model.safetensors.index.json").write_text(content)

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (truncated(0), r"model\.safetensors: damaged"),
        (truncated(4), r"model\.safetensors: damaged"),
        (truncated(100), r"model\.safetensors: damaged"),
        (truncated(-1), r"model\.safetensors: damaged"),
        (truncated(-10000), r"model\.safetensors: damaged"),
        (file((1 << 60).to_bytes(8, "little") + b"{}"), r"model\.safetensors: damaged"),
        (file((16).to_bytes(8, "little") + b"{not json}      "), r"model\.safetensors: damaged"),
        (index("{}"), r"index\.json: damaged: it has no weight_map"),
        (index("[1]"), r"index\.json: damaged: it has no weight_map"),
        (index("{"), r"index\.json: damaged"),
        (index(json.dumps({"weight_map": {"x": "../model.safetensors"}})), r"index\.json: damaged: .*'\.\./model"),
        (index(json.dumps({"weight_map": {"x": "/etc/passwd"}})), r"index\.json: damaged: .*passwd"),
        (index(json.dumps({"weight_map": {"x": 3}})), r"index\.json: damaged: .* 3"),
    ],
)
def test_damaged_files(quantized, tmp_path, change, message):
    shutil.copytree(quantized(), tmp_path / "changed")
    change(tmp_path / "changed")
    with pytest.raises(LayoutError, match=message):
        w8a16.from_pretrained(tmp_path / "changed")


@pytest.mark.parametrize("content", [[1], "text", 3])
def test_a_quantization_config_that_is_none(quantized, tmp_path, content):
    shutil.copytree(quantized(), tmp_path / "changed")
    file = tmp_path / "changed" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "quantization_config": content}))
    with pytest.raises(UnsupportedCheckpointError, match=r"changed/config\.json: damaged: quantization_config is a"):
        w8a16.from_pretrained(file.parent)
    file.write_text("{")
    with pytest.raises(UnsupportedCheckpointError, match=r"changed/config\.json: damaged"):
        w8a16.from_pretrained(file.parent)
    config = CONFIGS["llama"]()
    config.quantization_config = content
    with pytest.raises(UnsupportedCheckpointError, match="quantization_config is a"):
        w8a16.from_pretrained(quantized(), config=config)


def test_the_callers_config_is_not_changed(quantized):
    config = transformers.AutoConfig.from_pretrained(quantized())
    before = config.to_dict()
    w8a16.from_pretrained(quantized(), config=config)
    assert config.to_dict() == before and config.quantization_config == settings(quantized())


def test_a_layer_of_another_size(copy):
    def change(content, config):
        q, scales = layout.unpack({suffix: content[f"{UP}.{suffix}"] for suffix in layout.PACKED}, UP)
        content.update({f"{UP}.{suffix}": tensor for suffix, tensor in layout.pack(q[:-2], scales[:-2].clone()).items()})

    with pytest.raises(LayoutError, match=r"up_proj: the checkpoint has weights of shape \[144, 64\].*needs \[146, 64\]"):
        w8a16.from_pretrained(copy(change))


def test_a_bad_pattern_in_the_checkpoint(copy):
    with pytest.raises(UnsupportedCheckpointError, match=r"ignore: 're:\(' is not a regular expression"):
        w8a16.from_pretrained(copy(top(ignore=["re:("])))


def test_not_our_config(quantized):
    with pytest.raises(TypeError, match="not a W8A16Config"):
        w8a16.from_pretrained(quantized(), quantization_config={"load_in_8bit": True})
