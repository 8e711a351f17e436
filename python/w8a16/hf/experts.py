"""Experts that transformers 5 keeps as one tensor for all (``gate_up_proj`` [experts, 2 x size, in]), as linear layers again.

Checkpoints hold a linear layer for each expert and projection (``experts.7.w1.weight``), and so do quantized ones. Here a
module with these layers, under their names in the checkpoint, takes the fused one's place before anything is loaded, and the
conversions that would fuse them are left out.
"""

import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

_SOURCE = re.compile(r"experts\.\*\.(\w+)\.weight$")
_FUSED = ("gate_up_proj", "down_proj")


class Expert(nn.Module):
    """One expert: ``down(gate_function(gate(x), up(x)))``; its three layers have the names that they have in checkpoints."""

    def __init__(self, names: Tuple[str, str, str], hidden: int, size: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.names = names
        for name, (inputs, outputs) in zip(names, ((hidden, size), (hidden, size), (size, hidden))):
            self.add_module(name, nn.Linear(inputs, outputs, bias=False, device="meta", dtype=dtype))

    def forward(self, x: Tensor, apply_gate: Any) -> Tensor:
        gate, up, down = (self.get_submodule(name) for name in self.names)
        result: Tensor = down(apply_gate(torch.cat((gate(x), up(x)), dim=-1)))
        return result


class SeparateExperts(nn.Module):
    """Takes the place of a fused module, is called like it: (hidden [tokens, in], indices and weights [tokens, chosen])."""

    def __init__(self, fused: Any, names: Tuple[str, str, str]) -> None:
        super().__init__()
        self.num_experts, hidden, size = fused.down_proj.shape
        for index in range(self.num_experts):
            self.add_module(str(index), Expert(names, hidden, size, fused.down_proj.dtype))
        for name in _FUSED:
            del fused._parameters[name]
        self._gate = [fused]  # in a list, so that it is no child: its function of gate and up is all that is left of it

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        result = torch.zeros_like(hidden_states)
        for index in torch.unique(top_k_index).tolist():
            if not 0 <= index < self.num_experts:
                continue  # what other devices compute
            token, choice = torch.where(top_k_index == index)
            output = self.get_submodule(str(index))(hidden_states[token], self._gate[0]._apply_gate)
            output = output * top_k_weights[token, choice, None]
            result.index_add_(0, token, output.to(result.dtype))
        return result


def names_in(conversions: Sequence[Any]) -> Optional[Tuple[str, str, str]]:
    """Names of the gate, up and down layers of an expert in checkpoints, from a model's conversions; None if not told."""
    found: Dict[str, List[str]] = {}
    for conversion in conversions:
        matches = [_SOURCE.search(source) for source in conversion.source_patterns]
        target = conversion.target_patterns[0].rpartition("experts.")[2]
        if fuses(conversion) and all(matches):
            found[target] = [match.group(1) for match in matches if match]
    gate_up, down = (found.get(name, []) for name in _FUSED)
    return (gate_up[0], gate_up[1], down[0]) if len(gate_up) == 2 and len(down) == 1 else None


def fuses(conversion: Any) -> bool:
    """Is it a conversion that fuses experts?"""
    return hasattr(conversion, "operations") and any(
        conversion.target_patterns[0].endswith(f"experts.{name}") for name in _FUSED
    )


def separate(model: nn.Module, conversions: Sequence[Any]) -> List[str]:
    """Puts SeparateExperts in the place of the fused experts of ``model`` (on the meta device) and returns their names.

    Experts of another form (biases, transposed or interleaved weights, names not told) are left as they are.
    """
    names = names_in(conversions)
    places = [name for name, module in model.named_modules() if _is_fused(module)]
    if names is None:
        return []
    for place in places:
        parent, _, child = place.rpartition(".")
        setattr(model.get_submodule(parent), child, SeparateExperts(model.get_submodule(place), names))
    return places


def _is_fused(module: Any) -> bool:
    """Of the form that most models share; the class says how its weights lie (use_experts_implementation)."""
    weights = [module._parameters.get(name) for name in _FUSED]
    lies = {"has_gate": True, "is_concatenated": True, "is_transposed": False, "has_bias": False, "has_post_expert_norm": False}
    return (
        all(weight is not None and weight.dim() == 3 and weight.is_meta for weight in weights)
        and hasattr(module, "_apply_gate")
        and all(getattr(module, name, value) == value for name, value in lies.items())
        and set(module._parameters) == set(_FUSED)
    )
