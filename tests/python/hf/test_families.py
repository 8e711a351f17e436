"""Tiny random models of many families (families.py): what a user gets from replacing their layers, family by family."""

import copy

import pytest
import torch
import transformers
from families import FAMILIES
from torch import nn

import w8a16
from w8a16 import W8A16Config, W8A16LinearLayer, replace_linear_with_target, replace_linear_with_target_and_quantize
from w8a16.linear_like import fused_weights

TOLERANCE = 1e-5  # of the largest output: float32 through two blocks
UNIT_ROUNDOFF = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8}


def run(model, inputs, outputs, dtype=torch.float32):
    """The outputs, without those at positions of padding: these attend to nothing, or to what each dtype makes of that."""
    inputs = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    with torch.no_grad():
        result = model(**inputs)
    mask = inputs.get("attention_mask")
    of_tokens = mask is not None and "decoder_input_ids" not in inputs
    tensors = [result[name] for name in outputs]
    return [tensor[mask.bool()] if of_tokens and tensor.shape[:2] == mask.shape else tensor for tensor in tensors]


def error(actual, expected):
    """The largest, in parts of the largest expected value; of several outputs the worst."""
    for tensor, other in zip(actual, expected):
        assert tensor.shape == other.shape and torch.isfinite(tensor).all() and torch.isfinite(other).all()
    return max(
        ((tensor.double() - other).abs().max() / other.double().abs().max()).item() for tensor, other in zip(actual, expected)
    )


def same_bits(actual, expected):
    return len(actual) == len(expected) and all(map(torch.equal, actual, expected))


def aligned(model):
    """The model with copies of its float tensors: sums in PyTorch's own layers depend on how these lie in a mapped file."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.eval()


def quantized_layers(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, W8A16LinearLayer)}


def weight_of(layer):
    return layer.weight.t() if type(layer).__name__ == "Conv1D" else layer.weight


def float_linear_layers(model):
    return [
        name for name, module in model.named_modules() if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"
    ]


def fused_experts(model):
    """Full name -> float weight, as the checkpoint has them, of the experts that transformers 5 keeps in one tensor."""
    found = {}
    for name, module in model.named_modules():
        if "gate_up_proj" in module._parameters:
            names = ("w1", "w3", "w2") if "Mixtral" in type(module).__name__ else ("gate_proj", "up_proj", "down_proj")
            for index, (both, down) in enumerate(zip(module.gate_up_proj, module.down_proj)):
                found.update({f"{name}.{index}.{key}": weight for key, weight in zip(names, (*both.chunk(2), down))})
    return found


@torch.no_grad()
def with_dequantized_weights(float_model, quantized):
    """The float model with the weights that the quantized one stands for, set without the help of ``dequantize``."""
    for name, layer in quantized_layers(quantized).items():
        weight_of(float_model.get_submodule(name)).copy_(layer.int8_weights.float() * layer.scales[:, None])
    return float_model


def in_float64(model, inputs, outputs):
    model = copy.deepcopy(model).double()
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")  # grouped products have no float64
    torch.set_default_dtype(torch.float64)  # masks that transformers 4 makes before it casts them
    try:
        return run(model, inputs, outputs, torch.float64)
    finally:
        torch.set_default_dtype(torch.float32)


class Case:
    """A family's models and outputs, made once."""

    def __init__(self, family):
        self.family = family
        self.inputs = family.make_inputs()
        self.model = family.build()
        self.linear_layers = float_linear_layers(self.model)
        self.summary = self.replace(self.model)
        self.output = self.run(self.model)
        self.float_model = with_dequantized_weights(family.build(), self.model)
        self.reference = in_float64(self.float_model, self.inputs, family.outputs)

    def replace(self, model, how=replace_linear_with_target_and_quantize):
        return how(model, W8A16LinearLayer, self.family.exclude)

    def run(self, model, dtype=torch.float32):
        return run(model, self.inputs, self.family.outputs, dtype)

    def greedy(self, model, **options):
        model = copy.deepcopy(model)
        model.generation_config.eos_token_id = None  # eight tokens, whichever they are
        inputs = {name: value for name, value in self.inputs.items() if name != "decoder_input_ids"}
        return model.generate(**inputs, max_new_tokens=8, do_sample=False, **options)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Layers this small lose by more, ten times where other processes run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=FAMILIES)
def case(request):
    family = FAMILIES[request.param]
    if family.missing():
        pytest.skip(f"transformers {transformers.__version__} has no {family.missing()}")
    return Case(family)


@pytest.fixture(scope="module")
def generative(case):
    if not case.family.generates:
        pytest.skip("does not generate")
    return case


def test_replaces_all_linear_layers_but_those_it_names(case):
    summary, family = case.summary, case.family
    fused = fused_weights(case.model)
    assert bool(fused) == bool(fused_experts(case.model)) and all("fused into one tensor" in summary.left_alone[name] for name in fused)
    left_alone = {name: reason for name, reason in summary.left_alone.items() if name not in fused}
    assert left_alone == family.left_alone and not summary.warnings
    assert sorted([*summary.replaced, *left_alone]) == sorted(case.linear_layers)
    assert len(summary.replaced) == family.layers == len(quantized_layers(case.model))
    assert sorted(float_linear_layers(case.model)) == sorted(family.left_alone)
    assert summary.bytes_after < summary.bytes_before


def test_weights_are_off_by_half_a_step_at_most(case):
    float_model = case.family.build()
    for name, layer in quantized_layers(case.model).items():
        weight = weight_of(float_model.get_submodule(name)).detach().double()
        steps = layer.int8_weights - weight / layer.scales.double()[:, None]
        assert steps.abs().max() <= 0.5 + 1e-4 and (layer.int8_weights.abs().amax(1) == 127).all(), name


def test_computes_what_the_dequantized_model_does_in_float64(case):
    assert all(tensor.dtype == torch.float32 for tensor in case.output)
    assert error(case.output, case.reference) <= TOLERANCE


def test_one_scale_that_is_wrong_by_a_thousandth_shows(case):
    # Not in every layer: experts that no token chooses, keys and biases that attention hardly feels.
    caught = []
    for name in case.summary.replaced:
        model = copy.deepcopy(case.model)
        scales = model.get_submodule(name).scales
        scales[scales.argmax()] *= 1.001
        caught.append(error(case.run(model), case.reference) > TOLERANCE)
    assert sum(caught) >= len(caught) / 2


def test_generates_the_same_text(generative):
    ids = generative.greedy(generative.model)
    assert ids.shape[1] >= 8 and torch.equal(ids, generative.greedy(generative.float_model))


def test_generates_the_same_text_of_eight_different_tokens(generative):
    options = {"no_repeat_ngram_size": 1}  # else random models often repeat one token
    ids = generative.greedy(generative.model, **options)
    assert all(len(set(row[-8:].tolist())) == 8 for row in ids)
    assert torch.equal(ids, generative.greedy(generative.float_model, **options))


def test_dequantize_gives_back_a_float_model(case):
    model = copy.deepcopy(case.model)
    assert set(w8a16.dequantize(model)) >= set(quantized_layers(case.model))
    assert not quantized_layers(model) and sorted(float_linear_layers(model)) == sorted(case.linear_layers)
    assert error(case.run(model), case.output) <= TOLERANCE
    assert error(case.run(model), case.reference) <= TOLERANCE


def test_a_deep_copy_computes_the_same_bits(case):
    assert same_bits(case.run(copy.deepcopy(case.model)), case.output)


def test_a_state_loaded_into_a_replaced_model_computes_the_same_bits(case):
    model = case.family.build(seed=1)
    assert case.replace(model, replace_linear_with_target).replaced == case.summary.replaced
    model.load_state_dict(case.model.state_dict())
    assert same_bits(case.run(model), case.output)


def test_a_saved_model_computes_the_same_bits(case, tmp_path):
    case.model.save_pretrained(tmp_path)
    model = aligned(w8a16.from_pretrained(tmp_path, auto_class=case.family.auto_class, **case.family.load_options))
    assert type(model) is type(case.model)
    assert set(quantized_layers(model)) == set(quantized_layers(case.model))
    if fused_experts(case.model):
        # They are float and come back as separate layers, whose float sums have another order.
        assert error(case.run(model), case.output) <= TOLERANCE
    else:
        assert same_bits(case.run(model), case.output)


@pytest.mark.parametrize("dtype", UNIT_ROUNDOFF, ids=["float16", "bfloat16"])
def test_narrow_activations_cost_no_more_than_in_the_float_model(case, dtype):
    def narrow(model):
        return case.run(copy.deepcopy(model).to(dtype), dtype)

    def loss(tensors, exact):
        assert all(torch.isfinite(tensor).all() for tensor in tensors)
        return max(((a.double() - b).norm() / b.double().norm()).item() for a, b in zip(tensors, exact))

    ours, floats = narrow(case.model), narrow(case.float_model)
    assert [tensor.dtype for tensor in ours] == [tensor.dtype for tensor in floats]
    assert all(tensor.dtype == dtype for tensor in ours) or case.family.float32_logits
    our_loss, float_loss = loss(ours, case.output), loss(floats, case.run(case.float_model))
    assert our_loss <= 4 * float_loss
    # Some 30 roundings on the way, each of at most one unit roundoff, add up like a random walk.
    assert our_loss <= 8 * UNIT_ROUNDOFF[dtype]


def test_quantizing_while_loading_gives_the_same_integers(case, tmp_path):
    if not case.family.causal:
        pytest.skip("not a causal model")
    float_model, options = case.family.build(), case.family.load_options
    float_model.save_pretrained(tmp_path / "float")
    model = aligned(
        case.family.auto_class.from_pretrained(
            tmp_path / "float", quantization_config=W8A16Config(), dtype=torch.float32, **options
        )
    )
    expected = {name: layer.state_dict() for name, layer in quantized_layers(case.model).items()}
    for name, weight in fused_experts(float_model).items():
        expected[name] = dict(zip(("int8_weights", "scales"), w8a16.quantize(weight)))
    found = {name: layer.state_dict() for name, layer in quantized_layers(model).items()}
    assert sorted(found) == sorted(expected)
    for name, state in expected.items():
        assert sorted(found[name]) == sorted(state)
        assert all(torch.equal(found[name][key], tensor) for key, tensor in state.items()), name

    output = case.run(model)
    dequantized = copy.deepcopy(model)
    w8a16.dequantize(dequantized)
    assert error(output, in_float64(dequantized, case.inputs, case.family.outputs)) <= TOLERANCE
    assert same_bits(output, case.output) or fused_experts(float_model)

    model.save_pretrained(tmp_path / "quantized")
    assert same_bits(case.run(aligned(w8a16.from_pretrained(tmp_path / "quantized", **options))), output)
