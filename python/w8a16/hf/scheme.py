"""``quantization_config`` of config.json: what a W8A16 checkpoint says there, and which others are refused, in words."""

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Tuple

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
    settings = json.loads(json.dumps(dict(settings), default=lambda value: getattr(value, "value", str(value))))
    method = settings.get("quant_method")
    if method != METHOD:
        _refuse("quant_method", method)
    for key in ("kv_cache_scheme", "sparsity_config", "transform_config"):
        if settings.get(key) and not _is_dense(settings[key]):
            _refuse(key, settings[key])
    groups = settings.get("config_groups")
    if not isinstance(groups, dict) or not groups:
        _refuse("config_groups", groups)
    formats, targets = set(), []
    for name, group in groups.items():
        formats.add(group.get("format") or settings.get("format"))
        _require_own_weights(f"config_groups.{name}", group)
        targets += group.get("targets") or []
    if len(formats) != 1 or not formats <= {PACK_QUANTIZED, INT_QUANTIZED}:
        _refuse("format", settings.get("format") if formats <= {None} else " and ".join(sorted(map(str, formats))))
    return Scheme(formats.pop(), tuple(targets), tuple(settings.get("ignore") or ()))


def _require_own_weights(where: str, group: Dict[str, Any]) -> None:
    for key in ("input_activations", "output_activations"):
        if group.get(key):
            _refuse(f"{where}.{key}", group[key])
    weights = group.get("weights")
    if not isinstance(weights, dict):
        _refuse(f"{where}.weights", weights)
    required: List[Tuple[str, Any]] = [("num_bits", 8), ("type", "int"), ("symmetric", True), ("strategy", "channel")]
    for key, value in required:
        if weights.get(key, True if key == "symmetric" else None) != value:
            _refuse(f"{where}.weights.{key}", weights.get(key), f"; groups of {weights['group_size']} along the input "
                    "channels" if key == "strategy" and weights.get("group_size") else "")
    for key in ("group_size", "block_structure", "dynamic", "actorder"):
        if weights.get(key) not in (None, False, -1):
            _refuse(f"{where}.weights.{key}", weights[key])


def _is_dense(settings: Any) -> bool:
    return isinstance(settings, dict) and (settings.get("format") == "dense" or not any(settings.values()))


def _refuse(key: str, value: Any, more: str = "") -> None:
    found = f"{key} = {json.dumps(value)}{more}"
    raise UnsupportedCheckpointError(f"the checkpoint's quantization_config has {found}; {_SUPPORTED}")
