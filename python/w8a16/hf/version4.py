"""How transformers 4 hands over tensors: one after the other."""

from typing import Any, Dict, List, Optional

import torch
from safetensors import safe_open
from torch import Tensor, nn

from .hooks import Hooks


def stored_keys(model: Any, key: str) -> List[str]:
    """The names under which save_pretrained writes the tensor ``key`` of the model."""
    return [key]


class LoadingHooks(Hooks):
    """See the module."""

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
            self.quantized_layer(model, name, param_value.to(target_device))
            return
        stored = (state_dict or {}).get(param_name)
        module: Any = model.get_submodule(name)
        if suffix == "weight_scale" and stored is not None and stored.dtype != param_value.dtype:
            param_value = self._as_stored(param_name, stored)
        module.parts[suffix] = param_value.to(target_device)
        if all(part in module.parts for part in module.suffixes):
            ours = stored is not None and stored.is_meta  # else it may be a state dict that the caller gave
            self.stored_layer(model, name, module.parts, ours)

    def _as_stored(self, key: str, stored: Tensor) -> Tensor:
        """The scale as it is in the file: transformers 4 casts it to the model's dtype before it hands it over."""
        if not stored.is_meta:
            return stored
        header = self.headers.get(key)
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
        return self.stored_state_dict(model)
