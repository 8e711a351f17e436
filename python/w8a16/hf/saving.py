"""What save_pretrained writes of a model with quantized layers."""

from typing import Dict

import torch
from torch import Tensor, nn

from .. import layout
from ..layer import W8A16LinearLayer


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


def _require_weights(name: str, layer: W8A16LinearLayer) -> None:
    if layer.int8_weights.is_meta:
        raise ValueError(
            f"{name}: its weights are not in memory (offloaded?); load the model without offloading, or onto the cpu, to save it"
        )
    if not bool(torch.isfinite(layer.scales).all()):
        raise ValueError(f"{name}: it has no weights yet; call quantize() or load_state_dict() before saving")
