"""Replacement of the linear layers of a model, and the way back."""

import sys
import warnings
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Tuple, Type, cast

import torch
from torch import Tensor, nn

from . import operators
from .layer import _NO_VALUES, W8A16LinearLayer
from .linear_like import fused_weights, is_conv1d, is_head, is_linear_class, is_router, weight_of, why_not_linear
from .names import Exclusion, Name
from .tree import Slot, held_elsewhere, leave_fast_paths, put_dequantized, walk


@dataclass
class ReplacementSummary:
    """What a replacement did; ``str()`` shows it for people."""

    replaced: List[str] = field(default_factory=list)  #: full dotted names
    left_alone: Dict[str, str] = field(default_factory=dict)  #: what stays float: name -> reason
    heads_and_routers: List[str] = field(default_factory=list)  #: those replaced that are usually left out
    warnings: List[str] = field(default_factory=list)  #: names to exclude that match nothing, with near misses
    bytes_before: int = 0  #: of the model's parameters and buffers
    bytes_after: int = 0

    def __str__(self) -> str:
        share = f" ({100 * self.bytes_after / self.bytes_before:.1f} %)" if self.bytes_before else ""
        lines = [
            f"replaced {len(self.replaced)} linear layers: {_megabytes(self.bytes_before)} -> "
            f"{_megabytes(self.bytes_after)}{share}"
        ]
        if self.heads_and_routers:
            lines.append(f"  heads and routers among them: {', '.join(self.heads_and_routers)}")
        lines += [f"  left alone: {name} ({reason})" for name, reason in self.left_alone.items()]
        lines += [f"  warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def replace_linear_with_target(
    model: nn.Module,
    target_class: Type[nn.Module] = W8A16LinearLayer,
    names_to_exclude: Iterable[Name] = (),
    *,
    include_subclasses: bool = False,
    activation_bits: int = 24,
) -> ReplacementSummary:
    """Replaces the linear layers of ``model``, in place, by layers of ``target_class`` that have no weights yet.

    For models whose quantized state is loaded afterwards. See :func:`replace_linear_with_target_and_quantize`.
    """
    return _Replacement(model, target_class, names_to_exclude, include_subclasses, activation_bits, quantize=False).run()


def replace_linear_with_target_and_quantize(
    model: nn.Module,
    target_class: Type[nn.Module] = W8A16LinearLayer,
    names_to_exclude: Iterable[Name] = (),
    *,
    include_subclasses: bool = False,
    activation_bits: int = 24,
) -> ReplacementSummary:
    """Replaces the linear layers of ``model``, in place, by quantized ones.

    Args:
        model: any module tree. ``torch.nn.Linear``, subclasses that compute the same (Falcon's), and GPT-2's ``Conv1D`` are
            replaced, each once, wherever it occurs. Layers that are tied (one weight) stay tied; a layer tied to something
            else (a head to the embedding) stays. Heads and routers of experts are replaced too unless excluded.
        target_class: called as ``target_class(in_features, out_features, bias=..., dtype=...)``; has ``quantize(weights)``.
        names_to_exclude: child names (``"lm_head"``), full names (``"decoder.lm_head"``), ``"re:PATTERN"`` or compiled
            patterns, matched against full names from their start. What is below an excluded module is excluded too. A
            name that matches nothing is a warning.
        include_subclasses: replace instances of all subclasses of ``torch.nn.Linear``, whatever they compute.
        activation_bits: 24 or 16: of the integers that rows of float32 inputs become.

    Each float weight is released as soon as its layer is replaced. Bad weights are found before anything is replaced.

    Returns:
        What was replaced, what was left alone and why, and the bytes before and after. Where nothing was replaced, that is a
        UserWarning too.

    Raises TypeError and ValueError, with nothing replaced, for arguments and weights that cannot be used.
    """
    return _Replacement(model, target_class, names_to_exclude, include_subclasses, activation_bits, quantize=True).run()


def dequantize(model: nn.Module) -> List[str]:
    """Replaces every W8A16 layer of ``model``, in place, by a ``torch.nn.Linear`` (or Conv1D, where it was one) with the
    dequantized weights, in the layers' ``weight_dtype``. Layers that occur twice stay shared. Returns their full names; a layer
    itself is not a model: call its ``dequantize()``."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}, not a torch.nn.Module")
    if isinstance(model, W8A16LinearLayer):
        raise ValueError("the model itself is a W8A16 layer, not replaced in place; its dequantize() makes a float one")
    names = put_dequantized(model)
    _tell_transformers(model)
    return names


class _Replacement:
    def __init__(
        self,
        model: nn.Module,
        target_class: Type[nn.Module],
        names_to_exclude: Iterable[Name],
        include_subclasses: bool,
        activation_bits: int,
        quantize: bool,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model is a {type(model).__name__}, not a torch.nn.Module (a list of layers: use nn.ModuleList)")
        if not isinstance(target_class, type) or not issubclass(target_class, nn.Module):
            raise TypeError(
                f"target_class is {target_class!r}, not a class of modules such as W8A16LinearLayer "
                "(the arguments are model, target_class, names_to_exclude)"
            )
        if activation_bits not in (16, 24):
            raise ValueError(f"activation_bits is {activation_bits}; it must be 24 or 16")
        self.model = model
        self.target_class = target_class
        self.include_subclasses = include_subclasses
        self.activation_bits = activation_bits
        self.quantize = quantize
        self.exclusion = Exclusion(names_to_exclude)
        self.summary = ReplacementSummary()
        if is_linear_class(model) and not isinstance(model, target_class):
            raise ValueError(
                "the model itself is a linear layer and cannot be replaced in place; W8A16LinearLayer.from_linear(layer) "
                "makes its quantized form"
            )

    def run(self) -> ReplacementSummary:
        layers = self.plan()
        if self.quantize:
            for slots in layers:
                _require_quantizable(slots[0])
        self.summary.bytes_before = _bytes(self.model)
        tied: Dict[Tuple[int, bool], Any] = {}
        # Planned while all weights are alive, because ids of released ones come back.
        keys = [_tie_key(slots[0].layer()) for slots in layers]
        for slots, key in zip(layers, keys):
            target = self.make_target(slots[0].layer(), tied.get(key))
            tied.setdefault(key, target)
            for slot in slots:
                setattr(slot.parent, slot.child, target)
                self.summary.replaced.append(slot.name)
                if is_head(slot.name) or is_router(slot.name):
                    self.summary.heads_and_routers.append(slot.name)
        self.summary.bytes_after = _bytes(self.model)
        leave_fast_paths(self.model)
        if layers:
            _tell_transformers(self.model)
        elif not any(isinstance(module, self.target_class) for module in self.model.modules()):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.summary.left_alone.items())
            text = f"no linear layer was replaced ({reasons or 'the model has none'})"
            self.summary.warnings.append(text)
            warnings.warn(text, UserWarning, stacklevel=3)
        return self.summary

    def plan(self) -> List[List[Slot]]:
        """The layers to replace, each with all its places in the tree."""
        found: Dict[int, List[Slot]] = {}
        reasons: Dict[int, str] = {}
        names: List[str] = []
        held = held_elsewhere(self.model)
        for slot in walk(self.model):
            names.append(slot.name)
            module = slot.layer()
            if isinstance(module, self.target_class):
                self.summary.left_alone[slot.name] = f"a {type(module).__name__} already"
            elif is_linear_class(module):
                found.setdefault(id(module), []).append(slot)
                reason = self.exclusion.reason(slot.name) or self.own_reason(module)
                if reason is None and id(module) in held:
                    reason = f"{held[id(module)]} holds it too, and would go on calling the float layer"
                if reason:
                    reasons[id(module)] = reason
        self.leave_tied_to_others(found, reasons)
        for key, reason in reasons.items():
            for slot in found[key]:
                self.summary.left_alone[slot.name] = reason
        for name in fused_weights(self.model):
            size = self.model.get_parameter(name).nbytes
            reason = f"{_megabytes(size)} of float weights fused into one tensor, which is no linear layer"
            self.summary.left_alone[name] = reason
        self.summary.warnings = self.exclusion.unmatched(names)
        for text in self.summary.warnings:
            warnings.warn(text, UserWarning, stacklevel=4)
        return [slots for key, slots in found.items() if key not in reasons]

    def own_reason(self, module: nn.Module) -> Optional[str]:
        reason = why_not_linear(module, self.include_subclasses)
        if reason is None and self.quantize and cast(Tensor, module.weight).is_meta:
            reason = f"its weight {_NO_VALUES}"
        return reason

    def leave_tied_to_others(self, found: Dict[int, List[Slot]], reasons: Dict[int, str]) -> None:
        """A weight that something else keeps in float would be there twice."""
        float_users: Dict[int, str] = {}
        for name, module in self.model.named_modules():
            for parameter_name, parameter in module._parameters.items():
                replaced = id(module) in found and id(module) not in reasons and parameter_name == "weight"
                if parameter is not None and not replaced:
                    float_users.setdefault(id(parameter), f"{name}.{parameter_name}" if name else parameter_name)
        for key, slots in found.items():
            user = float_users.get(_tie_key(slots[0].layer())[0])
            if key not in reasons and user is not None:
                reasons[key] = f"its weight is also {user}, which stays float"

    def make_target(self, layer: Any, twin: Optional[W8A16LinearLayer]) -> nn.Module:
        target_class: Any = self.target_class
        weight = weight_of(layer).detach()
        if issubclass(target_class, W8A16LinearLayer) and self.quantize:
            if twin is not None and target_class.quantize is W8A16LinearLayer.quantize:
                return target_class._in_place_of(layer, twin.int8_weights, twin.scales, self.activation_bits)
            return target_class.from_linear(layer, self.activation_bits, include_subclasses=True)
        options: Dict[str, Any] = {"bias": layer.bias is not None, "dtype": weight.dtype}
        if issubclass(target_class, W8A16LinearLayer) and self.activation_bits != 24:
            options["activation_bits"] = self.activation_bits
        with torch.device(weight.device):
            target: Any = target_class(weight.shape[1], weight.shape[0], **options)
        if isinstance(target, W8A16LinearLayer):
            target._take_over(layer)
        elif layer.bias is not None:
            bias = layer.bias.detach()
            parameter = "bias" in target._parameters
            target.bias = nn.Parameter(bias, requires_grad=False) if parameter else bias
        if self.quantize:
            target.quantize(weight)
        target.train(layer.training)
        return cast(nn.Module, target)


def _tie_key(layer: nn.Module) -> Tuple[int, bool]:
    """Equal for layers that share one weight. What a parametrization or a property computes is no weight to share: it is made
    anew each time."""
    weight = layer._parameters.get("weight")
    return id(layer if weight is None else weight), is_conv1d(layer)


def _require_quantizable(slot: Slot) -> None:
    weight = cast(Tensor, slot.layer().weight)
    if weight.dtype not in operators.DTYPES:
        raise TypeError(
            f"cannot quantize {slot.name}: its weight is {weight.dtype}; convert the model to float32, bfloat16 or "
            "float16, or exclude the layer. Nothing was replaced"
        )
    if weight.numel() == 0:
        return
    low, high = torch.aminmax(weight.detach())
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise ValueError(
            f"cannot quantize {slot.name}: its weight has NaN or infinite elements; exclude the layer or repair the "
            "model. Nothing was replaced"
        )


def _tell_transformers(model: nn.Module) -> None:
    """transformers models save their quantized layers (save_pretrained) if they know of them."""
    if "transformers" in sys.modules:
        from .hf import attach

        attach(model)


def _bytes(model: nn.Module) -> int:
    seen: Dict[int, int] = {}
    for tensors in (model.parameters(), model.buffers()):
        for tensor in tensors:
            if not isinstance(tensor, nn.parameter.UninitializedParameter):
                seen[id(tensor)] = tensor.numel() * tensor.element_size()
    return sum(seen.values())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"
