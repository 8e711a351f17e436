"""Loading by this package's own name: float checkpoints and quantized ones, whoever wrote them."""

import copy
import json
import os
from typing import Any, Dict, Optional

import transformers

from . import headers, scheme
from .config import METHOD, W8A16Config

_HUB_OPTIONS = (
    "cache_dir", "code_revision", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token",
    "trust_remote_code",
)  # fmt: skip


def from_pretrained(
    model: Any, *args: Any, auto_class: Any = None, quantization_config: Optional[W8A16Config] = None, **kwargs: Any
) -> Any:
    """A transformers model with W8A16LinearLayers.

    Args:
        model: a directory or the id of a model on the Hub: float (quantized while it loads), or a compressed-tensors checkpoint
            with 8-bit weights, one scale per channel (loaded as it is, never expanded): what ``w8a16 quantize``,
            ``save_pretrained`` and llm-compressor write.
        auto_class: what is loaded; transformers.AutoModelForCausalLM if not given.
        quantization_config: options; the default ones if not given.
        kwargs: of ``auto_class.from_pretrained``.

    Raises:
        UnsupportedCheckpointError: the checkpoint is quantized in another way.
        LayoutError: tensors that are missing, do not fit, or have impossible values, with file and tensor.
        IgnoreError: a name to ignore that matches nothing, or that the checkpoint has quantized.
    """
    auto_class = auto_class or transformers.AutoModelForCausalLM
    options = quantization_config or W8A16Config()
    if not isinstance(options, W8A16Config):
        raise TypeError(f"w8a16.from_pretrained: quantization_config is a {type(options).__name__}, not a W8A16Config")
    _require_readable(model, kwargs)
    config = kwargs.pop("config", None)
    if config is None:
        config, kwargs = _config(model, kwargs)
    settings = getattr(config, "quantization_config", None)
    if settings is None:
        return auto_class.from_pretrained(model, *args, config=config, quantization_config=options, **kwargs)
    settings = settings.to_dict() if hasattr(settings, "to_dict") else settings
    scheme.read(settings)
    config = copy.deepcopy(config)  # it may be the caller's
    config.quantization_config = {
        "quant_method": METHOD,
        "ignore": options.ignore,
        "default_ignore": options.default_ignore,
        "activation_bits": options.activation_bits,
        "checkpoint": settings,
    }
    return auto_class.from_pretrained(model, *args, config=config, **kwargs)


def _require_readable(model: Any, kwargs: Dict[str, Any]) -> None:
    """Raises LayoutError for damaged files, of which transformers' own errors do not tell the names."""
    others = kwargs.get("variant") or kwargs.get("use_safetensors") is False
    if isinstance(model, (str, os.PathLike)) and os.path.isdir(model) and not others:
        subfolder = kwargs.get("subfolder") or ""
        headers.read(headers.locate(os.fspath(model), None, subfolder))
        _require_settings(os.path.join(model, subfolder, "config.json"))


def _require_settings(file: str) -> None:
    if not os.path.isfile(file):
        return
    with open(file, encoding="utf-8") as stream:
        try:
            content = json.load(stream)
        except ValueError as error:
            raise scheme.UnsupportedCheckpointError(f"{file}: damaged: {error}") from error
    settings = content.get("quantization_config") if isinstance(content, dict) else None
    if settings is not None and not isinstance(settings, dict):
        kind = type(settings).__name__
        raise scheme.UnsupportedCheckpointError(f"{file}: damaged: quantization_config is a {kind}, not an object")


def _config(model: Any, kwargs: Dict[str, Any]) -> Any:
    """(config, what is left of kwargs for the model), as the auto classes part them."""
    hub = {key: kwargs[key] for key in _HUB_OPTIONS if key in kwargs}
    # Options of the model that a config has, too: the model's loading must see them.
    kept = {key: kwargs.pop(key) for key in ("dtype", "torch_dtype", "attn_implementation") if key in kwargs}
    config, rest = transformers.AutoConfig.from_pretrained(model, return_unused_kwargs=True, **kwargs)
    rest.update(hub)
    rest.update(kept)
    return config, rest
