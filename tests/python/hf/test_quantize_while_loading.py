"""AutoModelForCausalLM.from_pretrained(FLOAT, quantization_config=W8A16Config())."""

import json
import re

import pytest
import torch
from conftest import GOLDENS, assert_same_checkpoint, settings
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

from w8a16 import W8A16Config, W8A16LinearLayer
from w8a16.hf import IgnoreError, LayoutError

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
FAMILIES = ["llama", "tied", "gpt2", "gpt_neox", "falcon", "mixtral", "qwen2_moe"]


def load(directory, dtype="auto", config=None, **options):
    return AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, quantization_config=config or W8A16Config(), **options
    ).eval()


def layers(model):
    return [name for name, module in model.named_modules() if isinstance(module, W8A16LinearLayer)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_saves_what_the_command_writes(checkpoint, quantized, tmp_path, family, dtype):
    load(checkpoint(family, dtype)).save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized(family, dtype))


@pytest.mark.skipif(not GOLDENS.is_dir(), reason=f"{GOLDENS} is not there")
@pytest.mark.parametrize("family", sorted(path.name for path in GOLDENS.glob("*")) if GOLDENS.is_dir() else [])
def test_saves_what_the_command_writes_of_every_family(command, tmp_path, family):
    command("quantize", GOLDENS / family, tmp_path / "command")
    load(GOLDENS / family).save_pretrained(tmp_path / "saved")
    assert_same_checkpoint(tmp_path / "saved", tmp_path / "command")
    command("inspect", tmp_path / "saved", "--verify")


@pytest.mark.parametrize("family", FAMILIES)
def test_computes_nearly_what_the_float_model_does(checkpoint, ids, family):
    directory = checkpoint(family)
    expected = AutoModelForCausalLM.from_pretrained(directory).eval()(ids).logits
    model = load(directory)
    assert len(layers(model)) >= 8 and "lm_head" not in layers(model)
    assert (model(ids).logits - expected).norm() <= 0.02 * expected.norm()


@pytest.mark.parametrize("dtype", [*DTYPES, "auto"])
@pytest.mark.parametrize("stored", DTYPES)
def test_scales_take_the_dtype_of_the_loaded_weight(checkpoint, ids, stored, dtype):
    model = load(checkpoint("llama", stored), dtype)
    expected = stored if dtype == "auto" else dtype
    projection = model.model.layers[0].mlp.up_proj
    assert projection.scales.dtype == expected and model.model.norm.weight.dtype == expected
    assert model.model.layers[0].self_attn.q_proj.bias.dtype == expected
    assert model(ids).logits.dtype == expected


def test_no_layer_keeps_a_float_weight_or_a_gradient(checkpoint):
    model = load(checkpoint())
    for name in layers(model):
        module = model.get_submodule(name)
        assert set(module._parameters) == {"int8_weights", "scales", "bias"}
        assert not any(parameter.requires_grad for parameter in module.parameters())
        assert not any(parameter.is_meta for parameter in module.parameters())


def test_sharded_source_and_sharded_result(checkpoint, quantized, tmp_path):
    source = checkpoint("llama", torch.float32, max_shard_size="60KB")
    assert len(list(source.glob("*.safetensors"))) > 2
    load(source).save_pretrained(tmp_path, max_shard_size="30KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_same_checkpoint(tmp_path, quantized())


def test_pytorch_files(checkpoint, quantized, tmp_path):
    source = AutoModelForCausalLM.from_pretrained(checkpoint())
    source.config.save_pretrained(tmp_path)
    torch.save(source.state_dict(), tmp_path / "pytorch_model.bin")
    load(tmp_path).save_pretrained(tmp_path / "saved")
    assert_same_checkpoint(tmp_path / "saved", quantized())


def test_experts_in_a_form_that_is_not_known(checkpoint, caplog, monkeypatch, ids):
    from w8a16.hf import experts

    monkeypatch.setattr(experts, "names_in", lambda conversions: None)
    model = load(checkpoint("mixtral"))
    if len(layers(model)) == 8:  # transformers 5, which fuses them
        assert "4 tensors stay float, the first of them model.layers.0.mlp.experts.gate_up_proj" in caplog.text
    else:
        assert not caplog.text
    assert model(ids).logits.isfinite().all()


def test_state_dict_given_by_the_caller(checkpoint, ids):
    source = AutoModelForCausalLM.from_pretrained(checkpoint())
    model = type(source).from_pretrained(
        None, config=source.config, state_dict=source.state_dict(), quantization_config=W8A16Config(), dtype=torch.float32
    )
    assert torch.equal(model.eval()(ids).logits, load(checkpoint())(ids).logits)


@pytest.mark.parametrize("options", [{"device_map": "auto"}, {"device_map": "cpu"}, {"low_cpu_mem_usage": True}])
def test_placing_options(checkpoint, quantized, tmp_path, ids, options):
    if "device_map" in options:
        pytest.importorskip("accelerate")
    model = load(checkpoint(), **options)
    assert torch.equal(model(ids).logits, load(checkpoint())(ids).logits)
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized())


def test_names_to_ignore_add_to_the_default(checkpoint, tmp_path):
    model = load(checkpoint(), config=W8A16Config(ignore=["lm_head", "up_proj", "re:model.layers.0.self_attn"]))
    assert [name for name in layers(model) if "layers.0" in name] == [
        "model.layers.0.mlp.gate_proj",
        "model.layers.0.mlp.down_proj",
    ]
    model.save_pretrained(tmp_path)
    ignored = settings(tmp_path)["ignore"]
    assert ignored[-1] == "lm_head" and "model.layers.1.mlp.up_proj" in ignored and len(ignored) == 7


@pytest.mark.parametrize(
    "name, near",
    [("lm_haed", "lm_head"), ("model.layers.0.mlp.up_prj", "up_proj"), ("re:layers", None), ("embed_tokens", None)],
)
def test_a_name_that_matches_nothing(checkpoint, name, near):
    with pytest.raises(IgnoreError, match=f"{name}.*matches no linear layer" + (f".*did you mean.*{near}" if near else "")):
        load(checkpoint(), config=W8A16Config(ignore=[name]))


def test_the_name_in_the_checkpoint_is_known_too(checkpoint):
    # transformers 5 calls GPT-NeoX's head lm_head; its checkpoints call it embed_out.
    load(checkpoint("gpt_neox"), config=W8A16Config(ignore=["embed_out"]))


def test_default_ignore_false_quantizes_the_head(checkpoint, quantized, tmp_path):
    model = load(checkpoint(), config=W8A16Config(default_ignore=False))
    assert "lm_head" in layers(model)
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized("llama", torch.float32, "--no-default-ignore"))


def test_a_tied_head_and_routers_stay_float(checkpoint):
    assert "lm_head" not in layers(load(checkpoint("tied"), config=W8A16Config(default_ignore=False)))
    model = load(checkpoint("qwen2_moe"), config=W8A16Config(default_ignore=False))
    assert not [name for name in layers(model) if name.endswith("gate")] and "lm_head" in layers(model)


def test_activation_bits_are_no_property_of_the_checkpoint(checkpoint, quantized, tmp_path, ids):
    model = load(checkpoint(), config=W8A16Config(activation_bits=16))
    assert model.model.layers[0].mlp.up_proj.activation_bits == 16
    assert load(checkpoint()).model.layers[0].mlp.up_proj.activation_bits == 24
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized())


def test_one_config_for_several_models(checkpoint):
    config = W8A16Config()
    load(checkpoint("gpt2"), config=config)
    load(checkpoint("llama"), config=config)
    assert config.ignore == [] and config.float_layers is None


@pytest.mark.parametrize(
    "options, error",
    [
        ({"activation_bits": 8}, ValueError),
        ({"ignore": [3]}, TypeError),
        ({"ignore": 5}, TypeError),
        ({"ignore": [b"x"]}, TypeError),
        ({"ignore": b"x"}, TypeError),
        ({"ignore": [re.compile("x")]}, TypeError),
        ({"ignore": ["re:"]}, ValueError),
        ({"ignore": [""]}, ValueError),
        ({"ignore": ["re:("]}, ValueError),
        ({"bits": 4}, TypeError),
        ({"quant_method": "compressed-tensors"}, ValueError),
    ],
)
def test_options_that_are_none(options, error):
    with pytest.raises(error, match="W8A16Config|CompressedTensorsConfig|bits"):
        W8A16Config(**options)


def test_configs_as_dictionaries(checkpoint, quantized):
    config = W8A16Config(ignore=["up_proj"])
    for written in (config.to_dict(), json.loads(config.to_json_string()), settings(quantized())):
        assert W8A16Config.from_dict(written).to_dict() == written
        assert W8A16Config.from_dict(written).checkpoint == written
    assert W8A16Config.from_dict({"ignore": ["a"], "activation_bits": 16}).activation_bits == 16
    with pytest.raises(ValueError, match="unknown options: bits"):
        W8A16Config.from_dict({"bits": 4})
    with pytest.raises(ValueError, match="quant_method is 'gptq'"):
        W8A16Config.from_dict({"quant_method": "gptq"})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(checkpoint, tmp_path, value):
    model = AutoModelForCausalLM.from_pretrained(checkpoint())
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[5, 7] = value
    model.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match=r"model.layers.1.mlp.up_proj.weight: .*(NaN|nan|inf)"):
        load(tmp_path)


def test_weights_of_another_shape(checkpoint, tmp_path):
    config = AutoModelForCausalLM.from_pretrained(checkpoint()).config
    config.intermediate_size += 2
    with pytest.raises(LayoutError, match=r"mlp\.\w+_proj.weight has shape"):
        AutoModelForCausalLM.from_pretrained(checkpoint(), config=config, quantization_config=W8A16Config())


def test_layers_that_the_checkpoint_does_not_have_stay_float(checkpoint):
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint(), num_labels=3, quantization_config=W8A16Config(default_ignore=False)
    )
    assert type(model.score) is torch.nn.Linear and not model.score.weight.is_meta
    assert len(layers(model)) == 14


def test_a_base_model_of_a_checkpoint_with_a_head(checkpoint, ids):
    base = AutoModel.from_pretrained(checkpoint(), quantization_config=W8A16Config()).eval()
    expected = load(checkpoint())(ids, output_hidden_states=True).hidden_states[-1]
    assert torch.equal(base(ids).last_hidden_state, expected)
