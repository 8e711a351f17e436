"""What people do with a quantized transformers model."""

import copy
import json
import math
import pickle

import pytest
import torch
from conftest import DEMO, assert_same_checkpoint, settings
from transformers import AutoModelForCausalLM

import w8a16
from w8a16 import (
    W8A16Config,
    W8A16LinearLayer,
    replace_linear_with_target,
    replace_linear_with_target_and_quantize,
)


@pytest.fixture
def model(checkpoint):
    return w8a16.from_pretrained(checkpoint()).eval()


def test_the_command_computes_the_same_logits(command, quantized, ids):
    model = w8a16.from_pretrained(quantized()).eval()
    printed = command("logits", quantized(), "--prompt-ids", ",".join(map(str, ids[0].tolist())), "--json", "--dtype", "f32")
    expected = torch.tensor(json.loads(printed)["logits"])
    assert (model(ids).logits[0] - expected).abs().max() <= 1e-5 * expected.abs().max()


def perplexity(model, documents):
    """As ``w8a16 eval`` defines it: each document begins with BOS, which is not scored."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
    loss, tokens = 0.0, 0
    context = model.config.max_position_embeddings
    for document in documents:
        encoded = tokenizer.encode(document, add_special_tokens=False).ids
        if not encoded or encoded[0] != model.config.bos_token_id:
            encoded = [model.config.bos_token_id, *encoded]
        assert len(encoded) <= context
        with torch.no_grad():
            logits = model(torch.tensor([encoded])).logits[0].double()
        loss -= torch.log_softmax(logits, -1)[range(len(encoded) - 1), encoded[1:]].sum().item()
        tokens += len(encoded) - 1
    return math.exp(loss / tokens), tokens


def test_the_command_computes_the_same_perplexity(command, tmp_path):
    command("quantize", DEMO, tmp_path / "quantized")
    documents = [text for text in json.loads((DEMO / "held_back.json").read_text())][:12]
    (tmp_path / "documents.json").write_text(json.dumps(documents))
    printed = command(
        "eval", tmp_path / "quantized", "--documents", tmp_path / "documents.json", "--json", "--dtype", "f32"
    )
    expected = json.loads(printed)
    model = w8a16.from_pretrained(tmp_path / "quantized", dtype=torch.float32).eval()
    value, tokens = perplexity(model, documents)
    assert tokens == expected["tokens"]
    assert abs(value / expected["perplexity"] - 1) <= 1e-6


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": True, "top_k": 5}], ids=["greedy", "beam", "sample"])
def test_generate(model, ids, options):
    torch.manual_seed(1)
    first = model.generate(ids, max_new_tokens=8, **options)
    torch.manual_seed(1)
    assert torch.equal(model.generate(ids, max_new_tokens=8, **options), first) and first.shape[1] > ids.shape[1]


def test_generate_assisted(model, checkpoint, ids):
    plain = model.generate(ids, max_new_tokens=8, do_sample=False)
    assistant = w8a16.from_pretrained(checkpoint()).eval()
    assert torch.equal(model.generate(ids, max_new_tokens=8, do_sample=False, assistant_model=assistant), plain)


def test_gradients_and_checkpointing(model, ids):
    def gradient():
        embeddings = model.get_input_embeddings()(ids).detach().requires_grad_()
        model(inputs_embeds=embeddings, labels=ids).loss.backward()
        return embeddings.grad

    plain = gradient()
    model.train()
    model.gradient_checkpointing_enable()
    assert plain.abs().max() > 0 and torch.allclose(gradient(), plain, atol=1e-7)


def test_resize_token_embeddings(model, checkpoint, ids, tmp_path):
    model.resize_token_embeddings(170)
    assert model(ids).logits.shape[-1] == 170
    model.save_pretrained(tmp_path)
    assert torch.equal(w8a16.from_pretrained(tmp_path)(ids).logits, model(ids).logits)
    head = w8a16.from_pretrained(checkpoint(), quantization_config=W8A16Config(default_ignore=False))
    with pytest.raises(TypeError, match="W8A16LinearLayer"):
        head.resize_token_embeddings(170)


def test_copies_and_pickles(model, checkpoint, ids, tmp_path):
    expected = model(ids).logits
    twin = copy.deepcopy(model)
    assert torch.equal(twin(ids).logits, expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(ids).logits, expected)
    config = pickle.loads(pickle.dumps(W8A16Config(ignore=["a"], activation_bits=16)))
    assert isinstance(config, W8A16Config) and config.ignore == ["a"] and config.activation_bits == 16
    twin.save_pretrained(tmp_path)
    assert torch.equal(w8a16.from_pretrained(tmp_path)(ids).logits, expected)


def test_saved_twice_it_is_the_same(model, tmp_path):
    model.save_pretrained(tmp_path / "a")
    w8a16.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b")
    assert_same_checkpoint(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("family", ["llama", "tied", "gpt2"])
def test_replaced_layers_are_saved(checkpoint, quantized, command, tmp_path, ids, family):
    model = AutoModelForCausalLM.from_pretrained(checkpoint(family)).eval()
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    model.save_pretrained(tmp_path)
    assert_same_checkpoint(tmp_path, quantized(family))
    command("inspect", tmp_path, "--verify")
    assert torch.equal(w8a16.from_pretrained(tmp_path)(ids).logits, model(ids).logits)


def test_fused_experts_that_stayed_float_are_named(checkpoint, tmp_path, ids):
    model = AutoModelForCausalLM.from_pretrained(checkpoint("mixtral")).eval()
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head", "re:.*experts", "re:.*gate"])
    model.save_pretrained(tmp_path)
    ignored = settings(tmp_path)["ignore"]
    for name in ("experts.0.w1", "experts.3.w2", "gate"):
        assert f"model.layers.1.block_sparse_moe.{name}" in ignored
    assert torch.equal(w8a16.from_pretrained(tmp_path)(ids).logits, model(ids).logits)


def test_layers_without_weights_are_not_saved(checkpoint, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(checkpoint())
    replace_linear_with_target(model, W8A16LinearLayer, ["lm_head"])
    with pytest.raises(ValueError, match="no weights yet"):
        model.save_pretrained(tmp_path)


def test_dequantize(model, ids, tmp_path):
    expected = model(ids).logits
    w8a16.dequantize(model)
    assert not any(isinstance(module, W8A16LinearLayer) for module in model.modules())
    assert (model(ids).logits - expected).abs().max() <= 1e-4 * expected.abs().max()
    model.save_pretrained(tmp_path)
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())
    assert torch.equal(AutoModelForCausalLM.from_pretrained(tmp_path).eval()(ids).logits, model(ids).logits)


def test_transformers_own_dequantize(model, ids):
    expected = model(ids).logits
    plain = model.dequantize()
    assert not any(isinstance(module, W8A16LinearLayer) for module in plain.modules())
    assert (plain(ids).logits - expected).abs().max() <= 1e-4 * expected.abs().max()
