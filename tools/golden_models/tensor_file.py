"""Reads and writes float32 safetensors files: 8-byte header length, JSON header, then the bytes."""

import json
import struct

import numpy as np


def read(path):
    """name -> float32 array."""
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {entry['dtype']}, only F32 is read")
        first, last = entry["data_offsets"]
        tensors[name] = np.frombuffer(content[8 + size + first : 8 + size + last], "<f4").reshape(entry["shape"])
    return tensors


def encode(tensors):
    """The bytes of a file that holds `tensors` (name -> float32 array), in the order given."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        blob = np.ascontiguousarray(tensor, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blobs)
