"""Checkpoints that have less than the model, or more, or say something else than config.json does."""

import json
import shutil

import pytest
import torch
import transformers
from conftest import CONFIGS, settings, tensors
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

import w8a16
from w8a16 import W8A16Config, W8A16LinearLayer
from w8a16.hf import IgnoreError, LayoutError

V = int(transformers.__version__.partition(".")[0])


def layers(model):
    return [name for name, module in model.named_modules() if isinstance(module, W8A16LinearLayer)]


def changed(source, target, change):
    """A copy of a checkpoint after change(tensors, config)."""
    shutil.copytree(source, target)
    content, config = tensors(target), json.loads((target / "config.json").read_text())
    change(content, config)
    save_file(content, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config))
    return target


def litter():
    """Freed memory that is no zeros, for what takes memory without values."""
    for size in (64, 128, 146, 32):
        for _ in range(300):
            torch.full((size,), 7e30)


# biases


def without_biases(content, config):
    for name in [name for name in content if name.endswith("bias")]:
        del content[name]


@pytest.mark.parametrize("form", ["safetensors", "bin", "state_dict"])
def test_biases_that_a_float_checkpoint_does_not_have_are_zeros(checkpoint, tmp_path, ids, form):
    source = changed(checkpoint(), tmp_path / "changed", without_biases)
    options = {}
    if form != "safetensors":
        options["state_dict"] = tensors(source)
    if form == "bin":
        torch.save(options.pop("state_dict"), source / "pytorch_model.bin")
        (source / "model.safetensors").unlink()
    litter()
    if form == "state_dict":
        options["config"] = transformers.AutoConfig.from_pretrained(source)
        model = transformers.LlamaForCausalLM.from_pretrained(None, quantization_config=W8A16Config(), **options)
    else:
        model = AutoModelForCausalLM.from_pretrained(source, quantization_config=W8A16Config())
    found = [parameter for name, parameter in model.named_parameters() if name.endswith("bias")]
    assert len(found) == 8 and len(layers(model)) == 14
    assert all(torch.equal(parameter, torch.zeros_like(parameter)) for parameter in found)


def test_one_bias_is_missing(checkpoint, tmp_path):
    name = "model.layers.1.self_attn.q_proj.bias"
    source = changed(checkpoint(), tmp_path / "changed", lambda content, config: content.pop(name))
    litter()
    model = AutoModelForCausalLM.from_pretrained(source, quantization_config=W8A16Config())
    for key, tensor in tensors(checkpoint()).items():
        if key.endswith("bias"):
            assert torch.equal(model.get_parameter(key), torch.zeros_like(tensor) if key == name else tensor), key


def test_a_bias_that_a_quantized_checkpoint_does_not_have(quantized, tmp_path):
    name = "model.layers.1.self_attn.q_proj.bias"
    source = changed(quantized(), tmp_path / "changed", lambda content, config: content.pop(name))
    with pytest.raises(LayoutError, match=rf"model\.safetensors: {name} is missing"):
        w8a16.from_pretrained(source)


# quantized in the files, float by config.json

UP = "model.layers.1.mlp.up_proj"


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda config: config["quantization_config"]["ignore"].append(UP), f'"ignore" .*{UP}'),
        (lambda config: config["quantization_config"]["ignore"].append("re:.*up_proj"), '"ignore" .*re:.*up_proj'),
        (
            lambda config: config["quantization_config"]["config_groups"]["group_0"].update(targets=["re:.*self_attn"]),
            "targets that do not cover it .re:.*self_attn",
        ),
        (lambda config: config.pop("quantization_config"), "has no quantization_config"),
    ],
)
@pytest.mark.parametrize("form", ["pack-quantized", "int-quantized"])
def test_layers_that_only_the_files_have_quantized(quantized, tmp_path, change, message, form):
    directory = quantized("llama", torch.float32, "--format", form)
    source = changed(directory, tmp_path / "changed", lambda content, config: change(config))
    with pytest.raises(LayoutError, match=rf"tensor model.layers.*proj.weight.* quantized, but .*{message}"):
        w8a16.from_pretrained(source)


# base models and models with heads


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox"])
def test_a_base_models_checkpoint_in_a_model_with_a_head(checkpoint, tmp_path, ids, family):
    full = AutoModelForCausalLM.from_pretrained(checkpoint(family))
    full.base_model.save_pretrained(tmp_path / "base")
    base = AutoModel.from_pretrained(tmp_path / "base", quantization_config=W8A16Config()).eval()
    expected = base(ids).last_hidden_state
    for automatic in (AutoModelForCausalLM, AutoModelForSequenceClassification):
        model = automatic.from_pretrained(tmp_path / "base", quantization_config=W8A16Config()).eval()
        assert len(layers(model)) == len(layers(base)) >= 8
        assert torch.equal(model.base_model(ids).last_hidden_state, expected)
    base.save_pretrained(tmp_path / "quantized")
    loaded = w8a16.from_pretrained(tmp_path / "quantized", auto_class=AutoModel)
    assert torch.equal(loaded(ids).last_hidden_state, expected)
    if family != "gpt_neox" or V >= 5:
        model = w8a16.from_pretrained(tmp_path / "quantized").eval()
        assert torch.equal(model.base_model(ids).last_hidden_state, expected)


def test_bert_with_new_heads(tmp_path):
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path, quantization_config=W8A16Config())
    assert type(model.classifier) is torch.nn.Linear and len(layers(model)) == 7
    assert torch.equal(model.classifier.bias, torch.zeros(2))
    model = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path, quantization_config=W8A16Config())
    assert type(model.cls.predictions.transform.dense) is torch.nn.Linear and len(layers(model)) == 6
    assert torch.equal(model.cls.predictions.transform.dense.bias, torch.zeros(16))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("stored, dtype", [(torch.bfloat16, "auto"), (torch.float32, torch.bfloat16)])
def test_a_base_model_of_a_quantized_checkpoint(quantized, ids, family, stored, dtype):
    base = w8a16.from_pretrained(quantized(family, stored), auto_class=AutoModel, dtype=dtype).eval()
    model = w8a16.from_pretrained(quantized(family, stored), dtype=dtype).eval()
    assert len(layers(base)) == len(layers(model))
    for name, tensor in base.state_dict().items():
        assert torch.equal(model.base_model.state_dict()[name], tensor), name
    assert torch.equal(base(ids).last_hidden_state, model.base_model(ids).last_hidden_state)


def test_another_task(quantized, ids):
    options = {"auto_class": AutoModelForSequenceClassification, "num_labels": 3}
    model = w8a16.from_pretrained(quantized(), **options)
    assert type(model.score) is torch.nn.Linear and len(layers(model)) == 14
    assert 0 < model.score.weight.abs().max() < 1
    expected = w8a16.from_pretrained(quantized()).model(ids).last_hidden_state
    assert torch.equal(model.model(ids).last_hidden_state, expected)
    w8a16.from_pretrained(quantized(), quantization_config=W8A16Config(ignore=["score"]), **options)
    with pytest.raises(IgnoreError, match="quantized in the checkpoint"):
        w8a16.from_pretrained(quantized(), quantization_config=W8A16Config(ignore=["up_proj"]), **options)


# where the files are


@pytest.mark.parametrize("kind", ["subfolder", "variant"])
@pytest.mark.parametrize("other", [False, True])
def test_subfolder_and_variant(quantized, checkpoint, tmp_path, ids, kind, other):
    expected = w8a16.from_pretrained(quantized("llama", torch.bfloat16))(ids).logits
    if kind == "subfolder":
        shutil.copytree(quantized("llama", torch.bfloat16), tmp_path / "root" / "sub")
        options = {"subfolder": "sub"}
    else:
        w8a16.from_pretrained(quantized("llama", torch.bfloat16)).save_pretrained(tmp_path / "root", variant="x")
        options = {"variant": "x"}
    if other:  # whose tensors have the same names
        model = AutoModelForCausalLM.from_config(CONFIGS["llama"]())
        model.save_pretrained(tmp_path / "other")
        w8a16.from_pretrained(tmp_path / "other").save_pretrained(tmp_path / "others")
        shutil.copy(tmp_path / "others" / "model.safetensors", tmp_path / "root" / "model.safetensors")
    try:
        model = w8a16.from_pretrained(tmp_path / "root", **options)
    except ValueError as error:
        assert V == 4 and ("read it again" in str(error) or "other values" in str(error))
    else:
        assert torch.equal(model(ids).logits, expected)


# parts of a model that are saved alone


@pytest.mark.parametrize("family", ["llama", "gpt2", "mixtral"])
@pytest.mark.parametrize("way", ["quantized while loading", "from a quantized checkpoint", "replaced"])
def test_a_part_is_saved_alone(checkpoint, quantized, tmp_path, ids, family, way):
    names = ["re:.*(down_proj|mlp.c_proj)"]
    if way == "replaced":
        model = AutoModelForCausalLM.from_pretrained(checkpoint(family)).eval()
        w8a16.replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head", "re:.*(down_proj|c_proj|gate$)"])
    elif way == "quantized while loading":
        options = {} if family == "mixtral" else {"quantization_config": W8A16Config(ignore=names)}
        model = w8a16.from_pretrained(checkpoint(family), **options).eval()
    else:
        model = w8a16.from_pretrained(quantized(family)).eval()
    before = model.config.to_dict()["quantization_config"]
    assert "lm_head" in before["ignore"]
    model.base_model.save_pretrained(tmp_path / "part")
    assert model.config.to_dict()["quantization_config"] == before
    assert settings(tmp_path / "part")["ignore"] == [
        name.partition(".")[2] for name in before["ignore"] if name != "lm_head"
    ]
    part = w8a16.from_pretrained(tmp_path / "part", auto_class=AutoModel).eval()
    assert len(layers(part)) == len(layers(model))
    assert torch.equal(part(ids).last_hidden_state, model.base_model(ids).last_hidden_state)
    model.config.save_pretrained(tmp_path / "config")
    assert settings(tmp_path / "config") == before
    model.save_pretrained(tmp_path / "whole")
    assert settings(tmp_path / "whole") == before
    assert torch.equal(w8a16.from_pretrained(tmp_path / "whole").eval()(ids).logits, model(ids).logits)


def test_parts_after_dequantize(checkpoint, tmp_path):
    for dequantize in (w8a16.dequantize, lambda model: model.dequantize()):
        model = w8a16.from_pretrained(checkpoint())
        dequantize(model)
        model.model.save_pretrained(tmp_path)
        assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())
