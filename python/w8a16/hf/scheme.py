"""``quantization_config`` of config.json: what a W8A16 checkpoint says there, and which others are refused, in words."""

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..names import Exclusion

METHOD = "compressed-tensors"
PACK_QUANTIZED = "pack-quantized"
INT_QUANTIZED = "int-quantized"
_SUPPORTED = (
    "supported are compressed-tensors checkpoints of format pack-quantized or int-quantized with symmetric 8-bit integer "
    "weights, one scale per output channel, and float activations"
)


class UnsupportedCheckpointError(ValueError):
    """A checkpoint that is quantized in a way that W8A16 layers cannot hold. Nothing was loaded."""


@dataclass(frozen=True)
class Scheme:
    """What a quantized checkpoint is."""

    format: str  #: PACK_QUANTIZED or INT_QUANTIZED
    targets: Tuple[str, ...]  #: class names (``Linear``), module names or ``re:`` patterns that are quantized
    ignore: Tuple[str, ...]  #: module names or ``re:`` patterns that are not


def describe(ignore: Iterable[str]) -> Dict[str, Any]:
    """The ``quantization_config`` that the command ``w8a16 quantize`` writes, with these full names of float layers."""
    return {
        "quant_method": METHOD,
        "version": "0.15.0",
        "format": PACK_QUANTIZED,
        "quantization_status": "compressed",
        "global_compression_ratio": None,
        "kv_cache_scheme": None,
        "ignore": list(ignore),
        "sparsity_config": {},
        "transform_config": {},
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "format": PACK_QUANTIZED,
                "input_activations": None,
                "output_activations": None,
                "weights": {
                    "num_bits": 8,
                    "type": "int",
                    "symmetric": True,
                    "strategy": "channel",
                    "group_size": None,
                    "block_structure": None,
                    "dynamic": False,
                    "actorder": None,
                    "observer": "minmax",
                    "observer_kwargs": {},
                },
            }
        },
    }


def read(settings: Mapping[str, Any]) -> Scheme:
    """The scheme of a checkpoint's ``quantization_config``. Raises UnsupportedCheckpointError, naming the key."""
    # Other readers' objects hold enumerations; as JSON they are what the file has.
    if not isinstance(settings, Mapping):
        raise UnsupportedCheckpointError(f"the checkpoint's quantization_config is a {type(settings).__name__}; {_SUPPORTED}")
    settings = json.loads(json.dumps(dict(settings), default=lambda value: getattr(value, "value", str(value))))
    method = settings.get("quant_method")
    if method != METHOD:
        raise _refusal("quant_method", method)
    for key in ("kv_cache_scheme", "sparsity_config", "transform_config"):
        if settings.get(key) and not _is_dense(settings[key]):
            raise _refusal(key, settings[key])
    groups = settings.get("config_groups")
    if not isinstance(groups, dict) or not groups:
        raise _refusal("config_groups", groups)
    formats: Set[Optional[str]] = set()
    targets: List[str] = []
    for name, group in groups.items():
        if not isinstance(group, dict):
            raise _refusal(f"config_groups.{name}", group)
        formats.add(group.get("format") or settings.get("format"))
        _require_own_weights(f"config_groups.{name}", group)
        targets += _names(f"config_groups.{name}.targets", group.get("targets"))
    format = formats.pop() if len(formats) == 1 else " and ".join(sorted(map(str, formats)))
    if format not in (PACK_QUANTIZED, INT_QUANTIZED):
        raise _refusal("format", format)
    return Scheme(format, tuple(targets), tuple(_names("ignore", settings.get("ignore"))))


def _require_own_weights(where: str, group: Dict[str, Any]) -> None:
    for key in ("input_activations", "output_activations"):
        if group.get(key):
            raise _refusal(f"{where}.{key}", group[key])
    weights = group.get("weights")
    if not isinstance(weights, dict):
        raise _refusal(f"{where}.weights", weights)
    required: List[Tuple[str, Any]] = [("num_bits", 8), ("type", "int"), ("symmetric", True), ("strategy", "channel")]
    for key, value in required:
        if weights.get(key, True if key == "symmetric" else None) != value:
            groups = weights.get("group_size") if key == "strategy" else None
            more = f"; groups of {groups} along the input channels" if groups else ""
            raise _refusal(f"{where}.weights.{key}", weights.get(key), more)
    for key in ("group_size", "block_structure", "dynamic", "actorder"):
        if weights.get(key) not in (None, False, -1):
            raise _refusal(f"{where}.weights.{key}", weights[key])


def _names(key: str, value: Any) -> List[str]:
    if not isinstance(value or [], list) or not all(isinstance(name, str) for name in value or []):
        raise _refusal(key, value)
    try:
        Exclusion(value or [], key)
    except ValueError as error:
        raise UnsupportedCheckpointError(f"the checkpoint's quantization_config has {error}") from error
    return value or []


def _is_dense(settings: Any) -> bool:
    return isinstance(settings, dict) and (settings.get("format") == "dense" or not any(settings.values()))


def _refusal(key: str, value: Any, more: str = "") -> UnsupportedCheckpointError:
    found = f"{key} = {json.dumps(value)}{more}"
    return UnsupportedCheckpointError(f"the checkpoint's quantization_config has {found}; {_SUPPORTED}")
