"""What the hooks of transformers 4 and 5 have in common."""

from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

import torch
from torch import Tensor, nn

from .headers import Header
from .pending import PendingLayer
from .scheme import Scheme


class Hooks:
    """What the hooks of both versions need, and need not do; W8A16HfQuantizer has the rest."""

    plain_weight_dtype = torch.int8  #: of a PendingLayer's weight of 8 bits until it comes
    scheme: Optional[Scheme]
    #: float layers whose weights are still to come. Modules, not names: transformers 4.56 loads a base model's checkpoint into
    #: the part of a model that is the base, and calls its tensors by their names there
    to_quantize: Set[nn.Module]
    #: tensors that the checkpoint does not have, of layers that are to be replaced, where transformers 4 tells before they come
    missing: Set[Tuple[nn.Module, str]]
    headers: Dict[str, Header]
    quantized_layer: Callable[[nn.Module, str, Tensor], Any]
    stored_layer: Callable[[nn.Module, str, Dict[str, Tensor], bool], Any]
    names_in_files: Callable[[str], List[str]]
    require_float_in_files: Callable[[nn.Module, Iterable[str]], None]
    stored_state_dict: Callable[[nn.Module], Dict[str, Tensor]]

    def owner(self, model: nn.Module, key: str) -> Optional[Tuple[str, str]]:
        """(layer, suffix) where the tensor ``key`` is for us to take."""
        name, _, suffix = key.rpartition(".")
        if suffix == "bias" or not name:
            return None
        try:
            module = model.get_submodule(name)
        except AttributeError:
            return None
        if (module, suffix) in self.missing:
            return None
        ours = suffix == "weight" and module in self.to_quantize if self.scheme is None else isinstance(module, PendingLayer)
        return (name, suffix) if ours else None

    def lacks_bias(self, name: str, module: nn.Module) -> bool:
        """Has the checkpoint no bias for the layer ``name``, as transformers tells when all has come?"""
        raise NotImplementedError

    def raise_kept_error(self) -> None:
        """Raises what went wrong while tensors came, where it could not be raised at once."""

    def separate_experts(self, model: Any) -> None:
        """Gives each expert linear layers of its own, where this version fuses them."""
