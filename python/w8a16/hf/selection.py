"""Which linear layers of a transformers model are quantized; the rules are those of the command ``w8a16 quantize``."""

import copy
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

import torch
from torch import Tensor, nn

from ..layer import W8A16LinearLayer
from ..names import Exclusion

_HEADS = {
    "lm_head", "embed_out", "output_layer", "score", "classifier", "qa_outputs", "v_head", "proj_out",
}  # fmt: skip
_HEADS_OUTSIDE_BLOCKS = {"head", "output"}
_ROUTERS = {"gate", "wg", "shared_expert_gate"}


class IgnoreError(ValueError):
    """A name in ``ignore`` that matches no linear layer, or that contradicts the checkpoint. Nothing was changed."""


@dataclass
class Selection:
    """Linear layers of a model, by full names, in the model's order."""

    quantized: List[str] = field(default_factory=list)
    left_float: Dict[str, str] = field(default_factory=dict)  #: name -> why


def select(model: nn.Module, ignore: Sequence[str], default_ignore: bool) -> Selection:
    """What to quantize of a float model. Raises IgnoreError for a name of ``ignore`` that matches nothing."""
    exclusion = Exclusion(ignore)
    selection = Selection()
    tied, heads = tied_layers(model), _output_heads(model)
    for name, module in linear_layers(model):
        ignored = exclusion.reason(name)
        if _is_router(name):
            reason = "router of experts"
        elif name in tied:
            reason = "tied to the embedding"
        elif default_ignore and (name in heads or _is_head(name)):
            reason = "output head (default_ignore=False quantizes it)"
        elif ignored:
            reason = ignored
        else:
            reason = "" if computes_linear(module) else f"{type(module).__name__} computes more than a linear layer"
        if reason:
            selection.left_float[name] = reason
        else:
            selection.quantized.append(name)
    require_all_matched(exclusion, model)
    return selection


def require_all_matched(exclusion: Exclusion, model: nn.Module) -> None:
    """Raises IgnoreError, with near misses, where a name matched no linear layer."""
    unmatched = exclusion.warnings([name for name, _ in model.named_modules() if name])
    if unmatched:
        raise IgnoreError("W8A16Config: " + "; ".join(text.replace("names_to_exclude", "ignore") for text in unmatched))


def linear_layers(model: nn.Module) -> Iterator[Tuple[str, nn.Module]]:
    """Float linear layers and GPT-2's Conv1D: (full name, module)."""
    for name, module in model.named_modules():
        if (isinstance(module, nn.Linear) or is_conv1d(module)) and not isinstance(module, W8A16LinearLayer):
            yield name, module


def float_layers(model: nn.Module) -> List[str]:
    """Full names for ``ignore`` of a saved model: everything that other readers take for a linear layer."""
    return [name for name, module in model.named_modules() if _reads_as_linear(name, module)]


def is_conv1d(module: nn.Module) -> bool:
    """GPT-2's Conv1D: weights lie [in, out]."""
    return type(module).__name__ == "Conv1D" and isinstance(getattr(module, "weight", None), Tensor)


def tied_layers(model: Any) -> Set[str]:
    """Names of linear layers whose weight is also an embedding's, or is declared to be tied to another."""
    names = {_module_of(key) for key in _declared_ties(model)}
    owners: Dict[int, List[str]] = {}
    for name, module in model.named_modules():
        weight = module._parameters.get("weight")
        if weight is not None:
            owners.setdefault(id(weight), []).append(name)
    names.update(name for group in owners.values() if len(group) > 1 for name in group)
    return names


def computes_linear(module: nn.Module) -> bool:
    """Does the module compute ``x @ weight.T + bias`` and nothing else? Subclasses are asked, on a tiny stand-in."""
    if isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return False  # nn.MultiheadAttention reads its weight instead of calling it
    if module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__:
        return False
    if is_conv1d(module) or type(module).forward is nn.Linear.forward:
        return True
    probe = copy.copy(module)
    probe.__dict__ = dict(module.__dict__)
    probe._parameters = dict(module._parameters)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad(), torch.device("cpu"):
        weight, bias, x = (torch.randn(shape, generator=generator) for shape in ((3, 2), (3,), (4, 2)))
        probe._parameters["weight"] = nn.Parameter(weight)
        if probe._parameters.get("bias") is not None:
            probe._parameters["bias"] = nn.Parameter(bias)
        else:
            bias = None
        probe.in_features, probe.out_features = 2, 3
        try:
            result = probe(x)
        except Exception:  # whatever it needs besides weight and bias, it is not a plain linear layer
            return False
        return isinstance(result, Tensor) and torch.allclose(result, nn.functional.linear(x, weight, bias), atol=1e-6)


def _reads_as_linear(name: str, module: nn.Module) -> bool:
    if isinstance(module, W8A16LinearLayer):
        return False
    if isinstance(module, nn.Linear) or is_conv1d(module):
        return True
    # transformers 5 has classes of its own for routers, which were linear layers and are so for other readers.
    weight = module._parameters.get("weight")
    return _is_router(name) and weight is not None and weight.dim() == 2


def _is_router(name: str) -> bool:
    parts = name.split(".")
    return parts[-1] in _ROUTERS or any("router" in part for part in parts)


def _is_head(name: str) -> bool:
    parts = name.split(".")
    in_block = any(re.fullmatch(r"\d+", part) for part in parts)
    return parts[-1] in _HEADS or (parts[-1] in _HEADS_OUTSIDE_BLOCKS and not in_block)


def _output_heads(model: Any) -> Set[str]:
    get = getattr(model, "get_output_embeddings", None)
    head = get() if get is not None else None
    return {name for name, module in model.named_modules() if head is not None and module is head}


def _declared_ties(model: Any) -> Set[str]:
    """Keys of tied weights: transformers 5 resolves them; before, a tied head shows in the identity of parameters."""
    ties = getattr(model, "all_tied_weights_keys", None) or {}
    return set(ties) | set(ties.values())


def _module_of(key: str) -> str:
    return key.rpartition(".")[0]
