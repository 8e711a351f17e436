"""How transformers hands over tensors: the hooks that versions 4 and 5 do not share. Nothing else depends on a version."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
import transformers
from torch import Tensor, nn

from . import experts, pending

_MAJOR = int(transformers.__version__.partition(".")[0])


class _Common:
    scheme: Any
    to_quantize: Any

    def owner(self, model: nn.Module, key: str) -> Optional[Tuple[str, str]]:
        """(layer, suffix) where the tensor ``key`` is for us to take."""
        name, _, suffix = key.rpartition(".")
        if self.scheme is None:
            return (name, suffix) if suffix == "weight" and name in self.to_quantize else None
        if suffix == "bias" or not name:
            return None
        try:
            module = model.get_submodule(name)
        except AttributeError:
            return None
        return (name, suffix) if isinstance(module, pending.PendingLayer) else None

    def raise_kept_error(self) -> None:
        """Raises what went wrong while tensors came, where it could not be raised at once."""

    def separate_experts(self, model: nn.Module) -> None:
        """Gives each expert linear layers of its own, where this version fuses them."""


class Aliases:
    """Full name of a layer -> that name and those in the checkpoint, where they differ (transformers renames)."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.known: Dict[str, List[str]] = {}

    def __call__(self, name: str) -> List[str]:
        if name not in self.known:
            stored = [key[: -len(".weight")] for key in stored_keys(self.model, f"{name}.weight") if key.endswith(".weight")]
            self.known[name] = list(dict.fromkeys([name, *stored]))
        return self.known[name]


if _MAJOR >= 5:
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import ConversionOps, WeightConverter, revert_weight_conversion

    def stored_keys(model: Any, key: str) -> List[str]:
        """The names under which save_pretrained writes the tensor ``key`` of the model."""
        owner, _, name = key.rpartition(".")
        like = model.get_submodule(owner)._parameters[name]
        try:
            return list(revert_weight_conversion(model, {key: torch.empty_like(like, device="meta")}))
        except Exception:  # a conversion that needs values, or tensors that belong together: none that we quantize
            return [key]

    class LoadingHooks(_Common):
        """Version 5: operations on the tensors of one layer, which it collects and names."""

        kept_error: Optional[Exception] = None
        files_are_ours = False
        separated: Sequence[str] = ()

        def preprocess_model(self, model: Any, *args: Any, **kwargs: Any) -> Any:
            # A state dict that the caller gave must not be changed; tensors of files are this loading's own.
            self.files_are_ours = kwargs.get("checkpoint_files") is not None
            return super().preprocess_model(model, *args, **kwargs)  # type: ignore[misc]

        def separate_experts(self, model: nn.Module) -> None:
            self.separated = experts.separate(model, get_model_conversion_mapping(model, add_legacy=False))

        def update_weight_conversions(self, weight_conversions: Any, model: nn.Module) -> Any:
            kept = [entry for entry in weight_conversions if not (self.separated and experts.fuses(entry))]
            return super().update_weight_conversions(kept, model)  # type: ignore[misc]

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
            return [WeightConverter(suffixes, suffixes[:1], [_Unpack(self)])]

        def get_new_dtype(self, converter: Any, param: Any, dtype: Any) -> Any:
            # Scales keep the dtype that they were made with. They come after the integers of their layer; a float tensor
            # that comes first is some other module's "weight" and takes the model's dtype.
            collected = getattr(converter, "collected_tensors", None)
            if isinstance(converter, WeightConverter) and any(collected.values()):
                return None
            is_float = param.get_dtype().startswith(("F", "BF")) if hasattr(param, "get_dtype") else param.is_floating_point()
            return dtype if is_float else None

        def get_state_dict_and_metadata(self, model: nn.Module, *args: Any) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
            return self.stored_state_dict(model), {}  # type: ignore[attr-defined]

    class _Operation(ConversionOps):  # type: ignore[misc]
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
                missing_keys.difference_update([entry for entry in missing_keys if _is_weight_of(name, entry)])
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

    class _AsIs(ConversionOps):  # type: ignore[misc]
        """While saving: stored_state_dict has done it."""

        supports_many_to_many = True

        def convert(self, input_dict: Dict[str, Any], *args: Any, **kwargs: Any) -> Dict[str, Any]:
            return input_dict

        @property
        def reverse_op(self) -> "ConversionOps":
            return self

    def _is_weight_of(name: str, key: str) -> bool:
        return key.rpartition(".")[0] == name and not key.endswith(".bias")

else:

    def stored_keys(model: Any, key: str) -> List[str]:
        """The names under which save_pretrained writes the tensor ``key`` of the model."""
        return [key]

    class LoadingHooks(_Common):  # type: ignore[no-redef]
        """Version 4: one tensor after the other."""

        requires_parameters_quantization = True
        required_packages = None

        def validate_environment(self, *args: Any, **kwargs: Any) -> None:
            device_map = kwargs.get("device_map")
            if isinstance(device_map, dict) and "disk" in device_map.values():
                raise ValueError(
                    "w8a16: the device_map keeps parts of the model on disk, where transformers 4 hands over no tensors to "
                    "quantize; give max_memory that fits, or use transformers 5"
                )

        def check_quantized_param(self, model: nn.Module, param_value: Any, param_name: str, *args: Any, **kwargs: Any) -> bool:
            return self.owner(model, param_name) is not None

        def create_quantized_param(
            self,
            model: nn.Module,
            param_value: Tensor,
            param_name: str,
            target_device: Any,
            state_dict: Optional[Dict[str, Tensor]] = None,
            *args: Any,
            **kwargs: Any,
        ) -> None:
            owner = self.owner(model, param_name)
            assert owner is not None  # check_quantized_param said so
            name, suffix = owner
            if self.scheme is None:
                self.quantized_layer(model, name, param_value.to(target_device))  # type: ignore[attr-defined]
                return
            stored = (state_dict or {}).get(param_name)
            module: Any = model.get_submodule(name)
            if suffix == "weight_scale" and stored is not None and stored.dtype != param_value.dtype:
                param_value = self._as_stored(param_name, stored)
            module.parts[suffix] = param_value.to(target_device)
            if all(part in module.parts for part in module.suffixes):
                ours = stored is not None and stored.is_meta  # else it may be a state dict that the caller gave
                self.stored_layer(model, name, module.parts, ours)  # type: ignore[attr-defined]

        def _as_stored(self, key: str, stored: Tensor) -> Tensor:
            """The scale as it is in the file: transformers 4 casts it to the model's dtype before it hands it over."""
            if not stored.is_meta:
                return stored
            header = self.headers.get(key)  # type: ignore[attr-defined]
            if header is None:
                raise ValueError(
                    f"{key} is {stored.dtype}, and transformers 4 would round it to the model's dtype: load with "
                    f"dtype={stored.dtype}, or use transformers 5"
                )
            from safetensors import safe_open

            with safe_open(header.file, framework="pt") as file:
                tensor: Tensor = file.get_tensor(key)
            return tensor

        def get_special_dtypes_update(self, model: nn.Module, dtype: Any) -> Dict[str, Any]:
            dtype = torch.get_default_dtype() if dtype is None else dtype
            return {name: dtype for name, _ in model.named_parameters() if self.owner(model, name) is None}

        def adjust_target_dtype(self, dtype: Any) -> Any:
            return torch.int8

        def get_state_dict(self, model: nn.Module) -> Dict[str, Tensor]:
            return self.stored_state_dict(model)  # type: ignore[attr-defined, no-any-return]
