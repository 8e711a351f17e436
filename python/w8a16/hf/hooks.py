"""What the hooks of transformers 4 and 5 have in common."""

from typing import AbstractSet, Any, Callable, Dict, Optional, Set, Tuple

import torch
from torch import Tensor, nn

from .headers import Header
from .pending import PendingLayer
from .scheme import Scheme


class Hooks:
    """What the hooks of both versions need, and need not do; W8A16HfQuantizer has the rest."""

    missing: AbstractSet[str] = frozenset()  #: tensors that the checkpoint does not have, where transformers tells
    plain_weight_dtype = torch.int8  #: of a PendingLayer's weight of 8 bits until it comes
    scheme: Optional[Scheme]
    to_quantize: Set[str]
    headers: Dict[str, Header]
    quantized_layer: Callable[[nn.Module, str, Tensor], Any]
    stored_layer: Callable[[nn.Module, str, Dict[str, Tensor], bool], Any]
    stored_state_dict: Callable[[nn.Module], Dict[str, Tensor]]

    def owner(self, model: nn.Module, key: str) -> Optional[Tuple[str, str]]:
        """(layer, suffix) where the tensor ``key`` is for us to take."""
        if key in self.missing:
            return None
        name, _, suffix = key.rpartition(".")
        if self.scheme is None:
            return (name, suffix) if suffix == "weight" and name in self.to_quantize else None
        if suffix == "bias" or not name:
            return None
        try:
            module = model.get_submodule(name)
        except AttributeError:
            return None
        return (name, suffix) if isinstance(module, PendingLayer) else None

    def raise_kept_error(self) -> None:
        """Raises what went wrong while tensors came, where it could not be raised at once."""

    def separate_experts(self, model: Any) -> None:
        """Gives each expert linear layers of its own, where this version fuses them."""
