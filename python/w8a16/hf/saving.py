"""What save_pretrained writes of a model with quantized layers."""

import weakref
from typing import Any, Callable, Dict, Iterator, List, Sequence

import torch
from torch import Tensor, nn

from .. import layout, linear_like
from ..layer import W8A16LinearLayer
from . import selection


class StoredState(Dict[str, Tensor]):
    """Tensors on their way into files; ``done`` is called when they are no longer needed."""

    def __init__(self, tensors: Dict[str, Tensor], done: Callable[[], None]) -> None:
        super().__init__(tensors)
        weakref.finalize(self, done).atexit = False


def state_dict_as_stored(model: nn.Module) -> Dict[str, Tensor]:
    """The model's state with ``X.weight_packed``, ``X.weight_scale``, ``X.weight_shape`` for each quantized layer X.

    Raises ValueError, naming the layer, where its weights are not in memory or were never set.
    """
    state: Dict[str, Tensor] = dict(model.state_dict())
    for name, module in model.named_modules(remove_duplicate=False):
        if not isinstance(module, W8A16LinearLayer):
            continue
        _require_weights(name, module)
        for suffix in ("int8_weights", "scales"):
            state.pop(f"{name}.{suffix}", None)
        parts = layout.pack(module.int8_weights.detach(), module.scales.detach())
        state.update({f"{name}.{suffix}": tensor for suffix, tensor in parts.items()})
    return state


def float_layers(model: nn.Module, stored_keys: Callable[[Any, str], Sequence[str]]) -> List[str]:
    """Full names, as in the checkpoint, of everything in it that other readers take for a float linear layer.

    ``stored_keys(model, key)``: the names under which a tensor of the model is saved.
    """
    names = []
    for key in _float_weights(model):
        for stored in stored_keys(model, key):
            module, _, suffix = stored.rpartition(".")
            if suffix == "weight":
                names.append(module)
    return list(dict.fromkeys(names))


def _float_weights(model: nn.Module) -> Iterator[str]:
    for name, module in model.named_modules():
        if isinstance(module, W8A16LinearLayer):
            continue
        if linear_like.is_linear_class(module):
            yield f"{name}.weight"
        else:
            # transformers 5 has classes of its own for routers, and fuses experts; its checkpoints have linear layers there.
            for key, parameter in module.named_parameters(recurse=False):
                fused = parameter.dim() == 3 and "experts" in name.split(".")
                if fused or (key == "weight" and parameter.dim() == 2 and selection.is_router(name)):
                    yield f"{name}.{key}"


def _require_weights(name: str, layer: W8A16LinearLayer) -> None:
    if layer.int8_weights.is_meta:
        raise ValueError(
            f"{name}: its weights are not in memory (offloaded?); load the model without offloading to save it"
        )
    if not bool(torch.isfinite(layer.scales).all()):
        raise ValueError(f"{name}: it has no weights yet; call quantize() or load_state_dict() before saving")
