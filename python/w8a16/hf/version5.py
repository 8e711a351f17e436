"""How transformers 5 hands over tensors: operations on the tensors of one layer, which it collects and names."""

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import torch
from torch import Tensor, nn
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import ConversionOps, WeightConverter, revert_weight_conversion
from transformers.quantizers.base import HfQuantizer

from .. import layout
from . import experts, pending
from .hooks import Hooks


def stored_keys(model: Any, key: str) -> List[str]:
    """The names under which save_pretrained writes the tensor ``key`` of the model."""
    owner, _, name = key.rpartition(".")
    like = model.get_submodule(owner)._parameters[name]
    try:
        return list(revert_weight_conversion(model, {key: torch.empty_like(like, device="meta")}))
    except Exception:  # a conversion that needs values, or tensors that belong together: none that we quantize
        return [key]


class LoadingHooks(Hooks):
    """See the module."""

    kept_error: Optional[Exception] = None
    files_are_ours = False
    #: transformers' own set, which loses an entry for each tensor that comes; seen with the first layer
    not_come: Set[str] = set()
    separated: Sequence[str] = ()

    def preprocess_model(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        # A state dict that the caller gave must not be changed; tensors of files are this loading's own.
        self.files_are_ours = kwargs.get("checkpoint_files") is not None
        parent: Any = super()
        return parent.preprocess_model(model, *args, **kwargs)

    def separate_experts(self, model: Any) -> None:
        if not hasattr(HfQuantizer, "update_weight_conversions"):
            return  # an early version 5, where experts stay fused, and float
        self.separated = experts.separate(model, get_model_conversion_mapping(model, add_legacy=False))

    def update_weight_conversions(self, weight_conversions: Any, model: nn.Module) -> Any:
        kept = [entry for entry in weight_conversions if not (self.separated and experts.fuses(entry))]
        parent: Any = super()
        return parent.update_weight_conversions(kept, model)

    def lacks_bias(self, name: str, module: nn.Module) -> bool:
        return f"{name}.bias" in self.not_come

    def raise_kept_error(self) -> None:
        if self.kept_error is not None:
            raise self.kept_error

    @property
    def quantized_element_size(self) -> float:
        return 1.0

    def param_needs_quantization(self, model: nn.Module, param_name: str, **kwargs: Any) -> bool:
        return self.owner(model, param_name) is not None

    def get_quantize_ops(self) -> "ConversionOps":
        return _Quantize(self)

    def get_weight_conversions(self) -> List["WeightConverter"]:
        if self.scheme is None:
            return []
        suffixes = list(pending.suffixes(self.scheme.format))
        return [WeightConverter(source_patterns=suffixes, target_patterns=suffixes[:1], operations=[_Unpack(self)])]

    def get_new_dtype(self, converter: Any, param: Any, dtype: Any) -> Any:
        # Scales keep the dtype that they were made with. They come after the integers of their layer; a float tensor
        # that comes first is some other module's "weight" and takes the model's dtype.
        collected: Dict[str, Any] = getattr(converter, "collected_tensors", {})
        if isinstance(converter, WeightConverter) and any(collected.values()):
            return None
        is_float = param.get_dtype().startswith(("F", "BF")) if hasattr(param, "get_dtype") else param.is_floating_point()
        return dtype if is_float else None

    def get_state_dict_and_metadata(self, model: nn.Module, *args: Any) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
        return self.stored_state_dict(model), {}


class _Operation(ConversionOps):
    """Keeps an error for the end: transformers would log it and raise one that says nothing."""

    supports_many_to_many = True

    def __init__(self, hf_quantizer: Any) -> None:
        self.hf_quantizer = hf_quantizer

    def __deepcopy__(self, memo: Any) -> "_Operation":
        return type(self)(self.hf_quantizer)

    def convert(
        self, input_dict: Dict[str, Any], *args: Any, model: Any = None, missing_keys: Any = None, **kwargs: Any
    ) -> Dict[str, Any]:
        tensors = {key: value[0] if isinstance(value, list) else value for key, value in input_dict.items()}
        key = kwargs["full_layer_name"]
        owner = self.hf_quantizer.owner(model, key)
        if owner is None:
            return tensors
        name = owner[0]
        if missing_keys is not None:
            self.hf_quantizer.not_come = missing_keys
            missing_keys.difference_update(f"{name}.{suffix}" for suffix in _WEIGHT)
        if self.hf_quantizer.kept_error is not None:
            return {}
        try:
            layer = self.place(model, name, tensors)
        except Exception as error:
            self.hf_quantizer.kept_error = error
            return {}
        return {f"{name}.int8_weights": layer.int8_weights, f"{name}.scales": layer.scales}

    def place(self, model: nn.Module, name: str, tensors: Dict[str, Tensor]) -> Any:
        raise NotImplementedError

    @property
    def reverse_op(self) -> "ConversionOps":
        return _AsIs()


class _Quantize(_Operation):
    def place(self, model: nn.Module, name: str, tensors: Dict[str, Tensor]) -> Any:
        (weight,) = tensors.values()
        return self.hf_quantizer.quantized_layer(model, name, weight)


class _Unpack(_Operation):
    def place(self, model: nn.Module, name: str, tensors: Dict[str, Tensor]) -> Any:
        return self.hf_quantizer.stored_layer(model, name, tensors, self.hf_quantizer.files_are_ours)


class _AsIs(ConversionOps):
    """While saving: stored_state_dict has done it."""

    supports_many_to_many = True

    def convert(self, input_dict: Dict[str, Any], *args: Any, **kwargs: Any) -> Dict[str, Any]:
        return input_dict

    @property
    def reverse_op(self) -> "ConversionOps":
        return self


#: what a layer's weight is called, in whatever form it comes
_WEIGHT = {*layout.PACKED, *layout.PLAIN, "int8_weights", "scales"}
