"""What the safetensors files of a checkpoint say about their tensors, looked at before anything is loaded."""

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence

from safetensors import SafetensorError, safe_open
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, cached_file

from .. import layout


@dataclass(frozen=True)
class Header:
    """One tensor of a file."""

    file: str
    dtype: str  #: as safetensors names it: I32, BF16, ...
    shape: Sequence[int]


def read(files: Iterable[str]) -> Dict[str, Header]:
    """Name -> header, of those files that are safetensors."""
    headers: Dict[str, Header] = {}
    for file in files:
        if not str(file).endswith(".safetensors"):
            continue
        try:
            with safe_open(file, framework="pt") as content:
                for name in content.keys():
                    tensor = content.get_slice(name)
                    headers[name] = Header(str(file), tensor.get_dtype(), tensor.get_shape())
        except SafetensorError as error:
            raise layout.LayoutError(f"{file}: damaged, or no safetensors file: {error}") from error
    return headers


def locate(name_or_path: Optional[str], commit: Optional[str], subfolder: str = "") -> List[str]:
    """Files of a checkpoint that is on this machine: a directory, or an id in the default Hub cache; [] if not found.

    Raises layout.LayoutError where they are an index that cannot be used.
    """
    if not name_or_path:
        return []

    def find(name: str) -> Optional[str]:
        options: Dict[str, Any] = {"_commit_hash": commit, "local_files_only": True, "subfolder": subfolder}
        for what in ("missing_entries", "gated_repo", "connection_errors"):
            options[f"_raise_exceptions_for_{what}"] = False
        try:
            found: Optional[str] = cached_file(name_or_path, name, **options)
        except OSError:
            return None
        return found

    single = find(SAFE_WEIGHTS_NAME)
    if single is not None:
        return [single]
    index = find(SAFE_WEIGHTS_INDEX_NAME)
    if index is None:
        return []
    return [os.path.join(os.path.dirname(index), name) for name in _names_in(index)]


def _names_in(index: str) -> List[str]:
    """Names of the files that a ``model.safetensors.index.json`` tells."""
    try:
        with open(index, encoding="utf-8") as stream:
            content = json.load(stream)
    except ValueError as error:
        raise layout.LayoutError(f"{index}: damaged: {error}") from error
    shards = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shards, dict):
        raise layout.LayoutError(f"{index}: damaged: it has no weight_map")
    for tensor, name in shards.items():
        if not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", ".."):
            raise layout.LayoutError(
                f"{index}: damaged: the weight_map of {tensor} is {name!r}, not the name of a file beside it"
            )
    return sorted(set(shards.values()))


def is_quantized(key: str, headers: Dict[str, Header]) -> bool:
    """Is ``key`` the name of a tensor that a float layer does not have?"""
    suffix = key.rpartition(".")[2]
    return suffix in ("weight_packed", "weight_scale") or (suffix == "weight" and key in headers and headers[key].dtype == "I8")


def require_whole_layers(headers: Dict[str, Header]) -> None:
    """Raises layout.LayoutError, with file and tensor, for parts of layers that are missing or do not fit each other."""
    for name, header in headers.items():
        layer, _, suffix = name.rpartition(".")
        if suffix in layout.FOREIGN:
            raise layout.LayoutError(
                f"{header.file}: tensor {name}: {layout.FOREIGN[suffix]}; supported are symmetric 8-bit weights, one scale per "
                "channel"
            )
        if suffix == "weight_packed":
            _require_parts(layer, header, headers, ("weight_scale", "weight_shape"), "I32")
        elif suffix == "weight" and f"{layer}.weight_scale" in headers:
            _require_parts(layer, header, headers, ("weight_scale",), "I8")
        elif suffix == "weight" and header.dtype == "I8":
            raise layout.LayoutError(f"{header.file}: tensor {name} is I8, but {layer}.weight_scale is missing")


def _require_parts(layer: str, header: Header, headers: Dict[str, Header], others: Sequence[str], dtype: str) -> None:
    for other in others:
        if f"{layer}.{other}" not in headers:
            raise layout.LayoutError(f"{header.file}: {layer}.{other} is missing, a part of the quantized layer {layer}")
    if header.dtype != dtype or len(header.shape) != 2:
        name = "weight_packed" if "weight_shape" in others else "weight"
        raise layout.LayoutError(
            f"{header.file}: tensor {layer}.{name} is {header.dtype} {list(header.shape)}; it must be {dtype} of 2 dimensions"
        )
    scale = headers[f"{layer}.weight_scale"]
    rows = header.shape[0]
    if scale.dtype not in ("F32", "BF16", "F16") or list(scale.shape) not in ([rows, 1], [rows]):
        raise layout.LayoutError(
            f"{scale.file}: tensor {layer}.weight_scale is {scale.dtype} {list(scale.shape)}; it must be F32, BF16 or F16 "
            f"[{rows}, 1] (groups along the input channels are not supported)"
        )
