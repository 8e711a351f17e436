"""The module tree of a model: where its linear layers are, who else holds them, and what must know that they changed."""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Tuple

from torch import nn

from .layer import W8A16LinearLayer
from .linear_like import is_conv1d


@dataclass
class Slot:
    """A place in the module tree that holds a linear layer."""

    parent: nn.Module
    child: str
    name: str

    def layer(self) -> nn.Module:
        layer = self.parent._modules[self.child]
        assert layer is not None
        return layer


def walk(parent: nn.Module, prefix: str = "", above: Tuple[nn.Module, ...] = ()) -> Iterator[Slot]:
    """Every place below ``parent`` by every name that it has: what is below a shared module comes as often as that."""
    if any(parent is module for module in above):
        return
    for child, module in parent._modules.items():
        if module is not None:
            slot = Slot(parent, child, prefix + child)
            yield slot
            yield from walk(module, slot.name + ".", (*above, parent))


def held_elsewhere(model: nn.Module) -> Dict[int, str]:
    """Ids of modules that an attribute outside the module tree holds (a list of layers, say) -> the attribute."""
    found: Dict[int, str] = {}
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute in ("_modules", "_parameters", "_buffers"):
                continue
            items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else (value,)
            for item in items:
                if isinstance(item, nn.Module):
                    found.setdefault(id(item), f"{name}.{attribute}" if name else attribute)
    return found


def leave_fast_paths(model: nn.Module) -> None:
    """PyTorch's encoder has fused paths for inference, which compute with the float weights of its layers, and nested tensors
    for padded inputs: taken only while all of its layers are float."""
    for module in model.modules():
        encoder: Any = module
        if isinstance(module, nn.TransformerEncoderLayer):
            quantized = _is_quantized(module)
            if quantized and not hasattr(encoder, "_w8a16_fast_path"):
                encoder._w8a16_fast_path, encoder.activation_relu_or_gelu = encoder.activation_relu_or_gelu, 0
            elif not quantized and hasattr(encoder, "_w8a16_fast_path"):
                encoder.activation_relu_or_gelu = encoder._w8a16_fast_path
                del encoder._w8a16_fast_path
        elif isinstance(module, nn.TransformerEncoder):
            quantized = any(map(_is_quantized, module.layers))
            if quantized and not hasattr(encoder, "_w8a16_nested_tensor"):
                encoder._w8a16_nested_tensor, encoder.use_nested_tensor = getattr(encoder, "use_nested_tensor", False), False
            elif not quantized and hasattr(encoder, "_w8a16_nested_tensor"):
                encoder.use_nested_tensor = encoder._w8a16_nested_tensor
                del encoder._w8a16_nested_tensor


def _is_quantized(layer: Any) -> bool:
    """Has something else taken the place of a linear layer of an nn.TransformerEncoderLayer?"""
    linear = (getattr(layer, name, None) for name in ("linear1", "linear2"))
    return any(module is not None and not isinstance(module, nn.Linear) for module in linear)


def put_dequantized(model: nn.Module) -> List[str]:
    """Puts float linear layers (or Conv1Ds) in the place of all W8A16 layers; returns their full names. Layers and weights that
    are shared stay shared."""
    slots = [(slot, slot.layer()) for slot in walk(model) if isinstance(slot.layer(), W8A16LinearLayer)]
    made: Dict[int, Any] = {}
    weights: Dict[Any, nn.Parameter] = {}
    for slot, layer in slots:
        assert isinstance(layer, W8A16LinearLayer)
        if id(layer) not in made:
            linear: Any = layer.dequantize()
            # Layers that share their integers and scales share their weight.
            shared = tuple(id(layer._parameters.get(name, layer)) for name in ("int8_weights", "scales"))
            linear.weight = weights.setdefault((*shared, linear.weight.dtype, is_conv1d(linear)), linear.weight)
            made[id(layer)] = linear
        setattr(slot.parent, slot.child, made[id(layer)])
    leave_fast_paths(model)
    return [slot.name for slot, _ in slots]
