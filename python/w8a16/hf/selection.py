"""Which linear layers of a transformers model are quantized; the rules are those of the command ``w8a16 quantize``."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from torch import nn

from .. import linear_like
from ..layer import W8A16LinearLayer
from ..names import Exclusion

#: heads of models for other tasks than text, as their names end
_OTHER_HEADS = ("classifier", "output_layer", "proj_out", "qa_outputs", "score", "v_head")

#: a module's full name -> all names that people know it by: in the model and in its checkpoints
Aliases = Callable[[str], Sequence[str]]


class IgnoreError(ValueError):
    """A name in ``ignore`` that matches no linear layer, or that contradicts the checkpoint. Nothing was loaded."""


@dataclass
class Selection:
    """Linear layers of a model, by full names, in the model's order."""

    quantized: List[str] = field(default_factory=list)
    left_float: Dict[str, str] = field(default_factory=dict)  #: name -> why


class Ignored:
    """Names that a user or a checkpoint gave, asked about one layer after the other."""

    def __init__(self, names: Sequence[str], aliases: Aliases) -> None:
        self.exclusion = Exclusion(names, "W8A16Config: ignore")
        self.aliases = aliases

    def reason(self, name: str) -> Optional[str]:
        """Why the layer is ignored, or None."""
        reasons = [self.exclusion.reason(alias) for alias in self.aliases(name)]
        return next((reason for reason in reasons if reason), None)

    def require_all_matched(self, model: nn.Module) -> None:
        """Raises IgnoreError, with near misses, where a name matched no linear layer."""
        names = [alias for name, _ in linear_layers(model) for alias in self.aliases(name)]
        unmatched = self.exclusion.unmatched(names)
        if unmatched:
            raise IgnoreError("; ".join(unmatched))


def select(model: nn.Module, ignore: Sequence[str], default_ignore: bool, aliases: Aliases) -> Selection:
    """What to quantize of a float model. Raises IgnoreError for a name of ``ignore`` that matches nothing."""
    ignored = Ignored(ignore, aliases)
    selection = Selection()
    tied, heads, shared = tied_layers(model), output_heads(model), shared_layers(model)
    for name, module in linear_layers(model):
        by_user = ignored.reason(name)
        if is_router(name):
            reason: Optional[str] = "router of experts"
        elif name in tied:
            reason = "its weight is tied to another"
        elif default_ignore and (name in heads or is_head(name)):
            reason = "output head (default_ignore=False quantizes it)"
        elif module in shared:
            reason = "one layer in several places of the model"
        else:
            reason = by_user or linear_like.why_not_linear(module)
        if reason:
            selection.left_float[name] = reason
        else:
            selection.quantized.append(name)
    ignored.require_all_matched(model)
    return selection


def linear_layers(model: nn.Module) -> Iterator[Tuple[str, nn.Module]]:
    """Float linear layers, subclasses and GPT-2's Conv1D among them: (full name, module)."""
    for name, module in model.named_modules():
        if linear_like.is_linear_class(module) and not isinstance(module, W8A16LinearLayer):
            yield name, module


def shared_layers(model: nn.Module) -> Set[nn.Module]:
    """Linear layers that have several places in the module tree, such as one head for each of many blocks."""
    places: Dict[nn.Module, Set[Tuple[int, str]]] = {}
    for parent in model.modules():
        for child, module in parent._modules.items():
            if module is not None and linear_like.is_linear_class(module):
                places.setdefault(module, set()).add((id(parent), child))
    return {module for module, where in places.items() if len(where) > 1}


def is_router(name: str) -> bool:
    """Does it choose experts?"""
    return linear_like.is_router(name) or any("router" in part for part in name.split("."))


def tied_layers(model: Any) -> Set[str]:
    """Names of modules whose weight is also another's (a head and an embedding), or is declared to be."""
    # transformers 5 resolves the declarations of the model's class; before, ties show in the identity of parameters.
    declared = getattr(model, "all_tied_weights_keys", None) or {}
    names = {key.rpartition(".")[0] for key in (*declared, *declared.values())}
    owners: Dict[int, List[str]] = {}
    for name, module in model.named_modules():
        weight = module._parameters.get("weight")
        if weight is not None:
            owners.setdefault(id(weight), []).append(name)
    names.update(name for group in owners.values() if len(group) > 1 for name in group)
    return names


def is_head(name: str) -> bool:
    return linear_like.is_head(name) or name.rpartition(".")[2] in _OTHER_HEADS


def output_heads(model: Any) -> Set[str]:
    get = getattr(model, "get_output_embeddings", None)
    head = get() if get is not None else None
    return {name for name, module in model.named_modules() if head is not None and module is head}
