"""How transformers 4 hands over tensors: one after the other."""

from typing import Any, Dict, List, Optional, Tuple

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .hooks import Hooks


_DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def stored_keys(model: Any, key: str) -> List[str]:
    """The names under which save_pretrained writes the tensor ``key`` of the model."""
    return [key]


class LoadingHooks(Hooks):
    """See the module."""

    requires_parameters_quantization = True
    required_packages = None
    # This version initializes what it takes for float weights before they come; it leaves tensors of files their own dtype.
    plain_weight_dtype = torch.float32

    def update_missing_keys(self, model: nn.Module, missing_keys: List[str], prefix: str) -> List[str]:
        # Version 4.57 hands over memory without values for these, too; they are not for us to take.
        for key in missing_keys:
            name, _, suffix = key.rpartition(".")
            self.missing.add((model.get_submodule(name), suffix))
        return missing_keys

    def update_expected_keys(self, model: nn.Module, expected_keys: List[str], loaded_keys: List[str]) -> List[str]:
        # The names of the checkpoint's tensors, as they are in the model, wherever it comes from.
        self.require_float_in_files(model, loaded_keys)
        return expected_keys

    def lacks_bias(self, name: str, module: nn.Module) -> bool:
        return (module, "bias") in self.missing

    def validate_environment(self, *args: Any, **kwargs: Any) -> None:
        device_map = kwargs.get("device_map")
        if isinstance(device_map, dict) and "disk" in device_map.values():
            raise ValueError(
                "w8a16: the device_map keeps parts of the model on disk, where transformers 4 hands over no tensors to "
                "quantize; give max_memory that fits, or use transformers 5"
            )

    def check_quantized_param(self, model: nn.Module, param_value: Any, param_name: str, *args: Any, **kwargs: Any) -> bool:
        """Version 4.56 asks by this name."""
        return self.owner(model, param_name) is not None

    def param_needs_quantization(self, model: nn.Module, param_name: str, **kwargs: Any) -> bool:
        """Later ones by this."""
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
            self.quantized_layer(model, name, param_value.to(target_device))
            return
        stored = (state_dict or {}).get(param_name)
        module: Any = model.get_submodule(name)
        if suffix == "weight_scale":
            param_value = self._as_stored(param_name, param_value, stored)
        module.parts[suffix] = param_value.to(target_device)
        if all(part in module.parts for part in module.suffixes):
            ours = stored is not None and stored.is_meta  # else it may be a state dict that the caller gave
            self.stored_layer(model, name, module.parts, ours)

    def _as_stored(self, key: str, value: Tensor, stored: Optional[Tensor]) -> Tensor:
        """The scale as it is in the file: transformers 4 casts it to the model's dtype before it hands it over."""
        if stored is not None and not stored.is_meta:
            return stored
        layer, _, suffix = key.rpartition(".")
        keys = [f"{alias}.{suffix}" for alias in self.names_in_files(layer)]
        stored_key = next((entry for entry in keys if entry in self.headers), key)
        header = self.headers.get(stored_key)
        dtype = stored.dtype if stored is not None else _DTYPES.get(header.dtype) if header is not None else None
        if stored is not None and dtype == value.dtype:
            return value
        if header is None:
            raise ValueError(
                f"{key}: transformers 4 may have rounded it to the model's dtype, {value.dtype}, and its file is not found to "
                "read it again: load with the dtype of the checkpoint's scales, or from the local directory that holds them "
                "(not by subfolder= or variant=); or use transformers 5"
            )
        with safe_open(header.file, framework="pt") as file:
            tensor: Tensor = file.get_tensor(stored_key)
        # Found by the model's name: it may be another checkpoint's.
        same = tensor.shape == value.shape and torch.allclose(tensor.to(value.dtype), value.cpu(), 0, 0, equal_nan=True)
        if not same:
            raise ValueError(f"{key}: {header.file} has other values than transformers loads; load from the directory itself")
        return tensor

    def get_special_dtypes_update(self, model: nn.Module, dtype: Any) -> Dict[str, Any]:
        dtype = torch.get_default_dtype() if dtype is None else dtype
        return {name: dtype for name, _ in model.named_parameters() if self.owner(model, name) is None}

    def adjust_target_dtype(self, dtype: Any) -> Any:
        return torch.int8

    def get_state_dict(self, model: nn.Module) -> Dict[str, Tensor]:
        """Version 4.56 asks by this name."""
        return self.stored_state_dict(model)

    def get_state_dict_and_metadata(self, model: nn.Module, *args: Any) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
        """Later ones by this."""
        return self.stored_state_dict(model), {}
