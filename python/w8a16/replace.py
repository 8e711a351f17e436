"""Replacement of the linear layers of a model."""

import difflib
import re
import warnings
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple, Type, Union, cast

import torch
from torch import Tensor, nn

from ._library import quantize
from .layer import W8A16LinearLayer

Name = Union[str, "re.Pattern[str]"]
_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass
class ReplacementSummary:
    """What a replacement did; ``str()`` shows it for people."""

    replaced: List[str] = field(default_factory=list)  #: full dotted names
    left_alone: Dict[str, str] = field(default_factory=dict)  #: linear layers that stay as they were: name -> reason
    warnings: List[str] = field(default_factory=list)  #: names to exclude that match nothing, with near misses
    bytes_before: int = 0  #: of the model's parameters and buffers
    bytes_after: int = 0

    def __str__(self) -> str:
        share = f" ({100 * self.bytes_after / self.bytes_before:.1f} %)" if self.bytes_before else ""
        lines = [
            f"replaced {len(self.replaced)} linear layers: {_megabytes(self.bytes_before)} -> "
            f"{_megabytes(self.bytes_after)}{share}"
        ]
        lines += [f"  left alone: {name} ({reason})" for name, reason in self.left_alone.items()]
        lines += [f"  warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def replace_linear_with_target(
    model: nn.Module,
    target_class: Type[nn.Module] = W8A16LinearLayer,
    names_to_exclude: Iterable[Name] = (),
    *,
    include_subclasses: bool = False,
) -> ReplacementSummary:
    """Replaces the linear layers of ``model``, in place, by layers of ``target_class`` that have no weights yet.

    For models whose quantized state is loaded afterwards. See :func:`replace_linear_with_target_and_quantize`.
    """
    return _Replacement(model, target_class, names_to_exclude, include_subclasses, quantize=False).run()


def replace_linear_with_target_and_quantize(
    model: nn.Module,
    target_class: Type[nn.Module] = W8A16LinearLayer,
    names_to_exclude: Iterable[Name] = (),
    *,
    include_subclasses: bool = False,
) -> ReplacementSummary:
    """Replaces the linear layers of ``model``, in place, by quantized ones.

    Args:
        model: any module tree. ``torch.nn.Linear`` and GPT-2's ``Conv1D`` are replaced, each once, wherever it occurs.
            Layers that are tied (one weight) stay tied; a layer tied to something else (a head to the embedding) stays.
        target_class: called as ``target_class(in_features, out_features, bias=..., dtype=...)``; has ``quantize(weights)``.
        names_to_exclude: child names (``"lm_head"``), full names (``"decoder.lm_head"``), ``"re:PATTERN"`` or compiled
            patterns, matched against full names from their start. What is below an excluded module is excluded too. A
            name that matches nothing is a warning.
        include_subclasses: replace instances of subclasses of ``torch.nn.Linear`` too.

    Each float weight is released as soon as its layer is replaced. Bad weights are found before anything is replaced.

    Returns:
        What was replaced, what was left alone and why, and the bytes before and after.
    """
    return _Replacement(model, target_class, names_to_exclude, include_subclasses, quantize=True).run()


@dataclass
class _Slot:
    """A place in the module tree that holds a linear layer."""

    parent: nn.Module
    child: str
    name: str

    def layer(self) -> nn.Module:
        layer = self.parent._modules[self.child]
        assert layer is not None
        return layer


class _Replacement:
    def __init__(
        self,
        model: nn.Module,
        target_class: Type[nn.Module],
        names_to_exclude: Iterable[Name],
        include_subclasses: bool,
        quantize: bool,
    ) -> None:
        self.model = model
        self.target_class = target_class
        self.include_subclasses = include_subclasses
        self.quantize = quantize
        self.exclusion = _Exclusion(names_to_exclude)
        self.summary = ReplacementSummary()
        if self.is_linear(model):
            raise ValueError(
                "the model itself is a linear layer and cannot be replaced in place; make a W8A16LinearLayer and call "
                "its quantize(weight)"
            )

    def run(self) -> ReplacementSummary:
        layers = self.plan()
        if self.quantize:
            for slots in layers:
                _require_quantizable(slots[0])
        self.summary.bytes_before = _bytes(self.model)
        tied: Dict[Tuple[int, bool], Any] = {}
        # Planned while all weights are alive, because ids of released ones come back.
        keys = [self.tie_key(slots[0].layer()) for slots in layers]
        for slots, key in zip(layers, keys):
            target = self.make_target(slots[0].layer(), tied.get(key))
            tied.setdefault(key, target)
            for slot in slots:
                setattr(slot.parent, slot.child, target)
                if isinstance(slot.parent, nn.TransformerEncoderLayer):
                    # Its fused inference path computes with the float weights of its layers; this turns that path off.
                    slot.parent.activation_relu_or_gelu = 0
                self.summary.replaced.append(slot.name)
        self.summary.bytes_after = _bytes(self.model)
        return self.summary

    def is_linear(self, module: nn.Module) -> bool:
        if isinstance(module, self.target_class):
            return False
        if type(module) is nn.Linear or _is_conv1d(module):
            return True
        return self.include_subclasses and isinstance(module, nn.Linear) and not _is_attention_output(module)

    def plan(self) -> List[List[_Slot]]:
        """The layers to replace, each with all its places in the tree."""
        found: Dict[int, List[_Slot]] = {}
        reasons: Dict[int, str] = {}
        names: List[str] = []
        for slot in _walk(self.model, "", set()):
            names.append(slot.name)
            module = slot.layer()
            if not self.is_linear(module):
                if isinstance(module, self.target_class):
                    self.summary.left_alone[slot.name] = f"a {type(module).__name__} already"
                elif _is_attention_output(module):
                    self.summary.left_alone[slot.name] = "nn.MultiheadAttention reads its weight instead of calling it"
                elif isinstance(module, nn.Linear):
                    self.summary.left_alone[slot.name] = (
                        f"{type(module).__name__} is a subclass of nn.Linear (include_subclasses=True replaces it)"
                    )
                continue
            found.setdefault(id(module), []).append(slot)
            reason = self.exclusion.reason(slot.name) or _own_reason(module)
            if reason:
                reasons[id(module)] = reason
        self.leave_tied_to_others(found, reasons)
        for key, reason in reasons.items():
            for slot in found[key]:
                self.summary.left_alone[slot.name] = reason
        self.summary.warnings = self.exclusion.warnings(names)
        for text in self.summary.warnings:
            warnings.warn(text, UserWarning, stacklevel=4)
        return [slots for key, slots in found.items() if key not in reasons]

    def leave_tied_to_others(self, found: Dict[int, List[_Slot]], reasons: Dict[int, str]) -> None:
        """A weight that something else keeps in float would be there twice."""
        float_users: Dict[int, str] = {}
        for name, module in self.model.named_modules():
            for parameter_name, parameter in module._parameters.items():
                replaced = id(module) in found and id(module) not in reasons and parameter_name == "weight"
                if parameter is not None and not replaced:
                    float_users.setdefault(id(parameter), f"{name}.{parameter_name}" if name else parameter_name)
        for key, slots in found.items():
            user = float_users.get(id(slots[0].layer().weight))
            if key not in reasons and user is not None:
                reasons[key] = f"its weight is also {user}, which stays float"

    @staticmethod
    def tie_key(layer: nn.Module) -> Tuple[int, bool]:
        return id(layer.weight), _is_conv1d(layer)

    def make_target(self, layer: Any, twin: Optional[W8A16LinearLayer]) -> nn.Module:
        weight = _weight(layer)
        out_features, in_features = weight.shape
        options: Dict[str, Any] = {"bias": layer.bias is not None, "dtype": weight.dtype}
        if issubclass(self.target_class, W8A16LinearLayer):
            # Buffers that are about to be replaced take no memory on the meta device.
            device = "meta" if self.quantize else weight.device
            target: Any = self.target_class(in_features, out_features, device=device, **options)
        else:
            target = cast(Any, self.target_class)(in_features, out_features, **options).to(weight.device)
        if layer.bias is not None:
            target.bias = layer.bias.detach()
        if self.quantize and isinstance(target, W8A16LinearLayer):
            tensors = (twin.int8_weights, twin.scales) if twin is not None else quantize(weight.detach())
            target.int8_weights, target.scales = tensors
        elif self.quantize:
            target.quantize(weight.detach())
        target.train(layer.training)
        return target


class _Exclusion:
    def __init__(self, names: Iterable[Name]) -> None:
        self.names: List[Name] = [names] if isinstance(names, (str, re.Pattern)) else list(names)
        self.patterns: List[Optional["re.Pattern[str]"]] = []
        self.matched = [False] * len(self.names)
        for name in self.names:
            if isinstance(name, re.Pattern):
                self.patterns.append(name)
            elif not isinstance(name, str):
                raise TypeError(f"names_to_exclude: {name!r} is neither a string nor a compiled regular expression")
            elif name.startswith("re:"):
                try:
                    self.patterns.append(re.compile(name[3:]))
                except re.error as error:
                    raise ValueError(f"names_to_exclude: {name!r} is not a regular expression: {error}") from error
            else:
                self.patterns.append(None)

    def reason(self, full_name: str) -> Optional[str]:
        """Why the layer is excluded, or None. Remembers which names matched."""
        found = None
        for i, (name, pattern) in enumerate(zip(self.names, self.patterns)):
            if pattern.match(full_name) if pattern else _covers(str(name), full_name):
                self.matched[i] = True
                found = found or f"excluded by {_text(name)!r}"
        return found

    def warnings(self, module_names: List[str]) -> List[str]:
        candidates = sorted(set(module_names) | {name.rpartition(".")[2] for name in module_names})
        texts = []
        for name, matched in zip(self.names, self.matched):
            if not matched:
                near = difflib.get_close_matches(_text(name), candidates, n=3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                texts.append(f"names_to_exclude: {_text(name)!r} matches no linear layer{hint}")
        return texts


def _text(name: Name) -> str:
    return name if isinstance(name, str) else f"re:{name.pattern}"


def _covers(name: str, full_name: str) -> bool:
    """Is ``name`` the full name, a module above it, or (without dots) one component of it?"""
    if full_name == name or full_name.startswith(name + "."):
        return True
    return name in full_name.split(".")


def _walk(parent: nn.Module, prefix: str, visited: Set[int]) -> Iterator[_Slot]:
    """Every place below ``parent``; what is below a shared module is visited once."""
    if id(parent) in visited:
        return
    visited.add(id(parent))
    for child, module in parent._modules.items():
        if module is not None:
            slot = _Slot(parent, child, prefix + child)
            yield slot
            yield from _walk(module, slot.name + ".", visited)


def _is_conv1d(module: nn.Module) -> bool:
    """GPT-2's Conv1D (transformers), by its name, so that transformers need not be there: weights [in, out]."""
    return type(module).__name__ == "Conv1D" and isinstance(getattr(module, "weight", None), Tensor)


def _is_attention_output(module: nn.Module) -> bool:
    """The out_proj of nn.MultiheadAttention."""
    return isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear)


def _weight(layer: Any) -> Tensor:
    """[out, in]"""
    weight: Tensor = layer.weight
    return weight.t() if _is_conv1d(layer) else weight


def _own_reason(layer: Any) -> Optional[str]:
    if isinstance(layer.weight, nn.parameter.UninitializedParameter):
        return "its weight is not initialized yet (call the model once)"
    if layer.weight.dim() != 2:
        return f"its weight has {layer.weight.dim()} dimensions"
    if layer._forward_hooks or layer._forward_pre_hooks:
        return "it has forward hooks, which may compute its weight or observe it (remove them first)"
    return None


def _require_quantizable(slot: _Slot) -> None:
    weight = cast(Tensor, slot.layer().weight)
    if weight.dtype not in _DTYPES:
        raise TypeError(
            f"cannot quantize {slot.name}: its weight is {weight.dtype}; convert the model to float32, bfloat16 or "
            "float16, or exclude the layer. Nothing was replaced"
        )
    if weight.is_meta or weight.numel() == 0:
        return
    low, high = torch.aminmax(weight.detach())
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise ValueError(
            f"cannot quantize {slot.name}: its weight has NaN or infinite elements; exclude the layer or repair the "
            "model. Nothing was replaced"
        )


def _bytes(model: nn.Module) -> int:
    seen: Dict[int, int] = {}
    for tensors in (model.parameters(), model.buffers()):
        for tensor in tensors:
            if not isinstance(tensor, nn.parameter.UninitializedParameter):
                seen[id(tensor)] = tensor.numel() * tensor.element_size()
    return sum(seen.values())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"
