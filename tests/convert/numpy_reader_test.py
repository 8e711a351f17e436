"""A reader of quantized checkpoints in numpy, written from docs/checkpoint_format.md alone, against numpy's own
computation of the definition: the integers and scales in the file are exactly those that the weights give."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

try:
    import numpy as np
except ImportError:
    raise unittest.SkipTest("numpy is not installed (Debian: python3-numpy)")

COMMAND = pathlib.Path(os.environ.get("W8A16_BINARY_DIR", "build")) / "w8a16"

NUMPY = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I8": "i1", "I32": "<i4", "I64": "<i8"}
SMALLEST_NORMAL = {"F32": np.float32(2.0**-126), "F16": np.float32(2.0**-14), "BF16": np.float32(2.0**-126)}


def to_dtype(x, dtype):
    """float32 to the elements that are stored, rounded to nearest even."""
    x = np.asarray(x, np.float32)
    if dtype == "F32":
        return x
    if dtype == "F16":
        return x.astype(np.float16)
    bits = x.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_dtype(x, dtype):
    if dtype == "BF16":
        return (x.astype(np.uint32) << 16).view(np.float32)
    return x.astype(np.float32)


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def read_safetensors(path):
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert header.pop("__metadata__") == {"format": "pt"}
    assert (8 + length) % 8 == 0
    tensors = {}
    for name, info in header.items():
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        tensors[name] = (info["dtype"], np.frombuffer(raw[begin:end], NUMPY[info["dtype"]]).reshape(info["shape"]))
    return tensors


def read_checkpoint(directory):
    index = directory / "model.safetensors.index.json"
    if not index.exists():
        return read_safetensors(directory / "model.safetensors")
    index = json.loads(index.read_text())
    tensors = {}
    for file in sorted(set(index["weight_map"].values())):
        for name, tensor in read_safetensors(directory / file).items():
            assert index["weight_map"][name] == file
            tensors[name] = tensor
    assert len(tensors) == len(index["weight_map"])
    assert sum(tensor.nbytes for _, tensor in tensors.values()) == index["metadata"]["total_size"]
    return tensors


def unpack(tensors, module, form):
    """q [N, K] as integers, the scales [N] in float32, and their dtype."""
    dtype, scales = tensors[module + ".weight_scale"]
    if form == "int-quantized":
        kind, q = tensors[module + ".weight"]
        assert kind == "I8"
    else:
        kind, words = tensors[module + ".weight_packed"]
        shape_kind, (n, k) = tensors[module + ".weight_shape"]
        assert (kind, shape_kind) == ("I32", "I64") and words.shape == (n, -(-k // 4))
        rows = words.view("<u4")
        columns = [rows >> np.uint32(8 * i) & np.uint32(255) for i in range(4)]
        stored = np.stack(columns, axis=-1).reshape(n, -1)
        assert not stored[:, k:].any()
        q = stored[:, :k].astype(np.int64) - 128
    assert scales.shape == (q.shape[0], 1)
    return q.astype(np.int64), from_dtype(scales[:, 0], dtype), dtype


def quantize(w, dtype):
    """The definition, in numpy: q and scales of float32 weights whose scales are stored in dtype."""
    largest = np.abs(w).max(axis=1)
    stored = to_dtype(largest / np.float32(127), dtype)
    value = from_dtype(stored, dtype)
    # Zero or subnormal: the smallest number that does not clip.
    clips = (value < SMALLEST_NORMAL[dtype]) & (127 * value.astype(np.float64) < largest)
    unsigned = stored.view({4: np.uint32, 2: np.uint16}[stored.dtype.itemsize])
    value = from_dtype((unsigned + clips).astype(unsigned.dtype).view(stored.dtype), dtype)
    value = np.where(largest == 0, np.float32(1), value)
    q = np.clip(np.rint(w / value[:, None]), -127, 127)
    return q.astype(np.int64), value


def random_weights(rng, n, k, dtype):
    w = rng.standard_normal((n, k)).astype(np.float32) * np.float32(0.05)
    w[0] = 0
    w[1] *= np.float32(2.0**-20 if dtype == "F16" else 2.0**-125)  # a subnormal scale
    w[2, k // 2] = 40  # an outlier
    w[3] = np.linspace(-127, 127, k)  # halves and integers
    w[4] = -w[5]
    return to_dtype(w, dtype)


def checkpoint(rng, dtype):
    hidden, middle, words = 30, 49, 17
    shapes = {"model.embed_tokens": (words, hidden), "model.norm": (hidden,), "lm_head": (words, hidden)}
    for layer in range(2):
        block = f"model.layers.{layer}."
        for name in "qkvo":
            shapes[f"{block}self_attn.{name}_proj"] = (hidden, hidden)
        shapes[block + "mlp.gate_proj"] = shapes[block + "mlp.up_proj"] = (middle, hidden)
        shapes[block + "mlp.down_proj"] = (hidden, middle)
        shapes[block + "input_layernorm"] = shapes[block + "post_attention_layernorm"] = (hidden,)
    config = {
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": middle, "num_hidden_layers": 2,
        "num_attention_heads": 3, "vocab_size": words, "max_position_embeddings": 64, "tie_word_embeddings": False,
    }
    tensors = {}
    for name, shape in shapes.items():
        array = random_weights(rng, *shape, dtype) if len(shape) == 2 else to_dtype(rng.standard_normal(shape), dtype)
        tensors[name + ".weight"] = (dtype, array)
    return config, tensors


class NumpyReader(unittest.TestCase):
    def run_command(self, *arguments):
        done = subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_unpacks_to_what_the_definition_gives(self):
        rng = np.random.default_rng(7)
        for dtype in ("F32", "F16", "BF16"):
            for form, size in (("pack-quantized", "5GB"), ("pack-quantized", "5KB"), ("int-quantized", "5KB")):
                with self.subTest(dtype=dtype, form=form, size=size), tempfile.TemporaryDirectory() as scratch:
                    self.check(rng, dtype, form, size, pathlib.Path(scratch))

    def check(self, rng, dtype, form, size, scratch):
        config, floats = checkpoint(rng, dtype)
        source = scratch / "source"
        source.mkdir()
        (source / "config.json").write_text(json.dumps(config))
        write_safetensors(source / "model.safetensors", floats)
        self.run_command("quantize", source, scratch / "made", "--format", form, "--max-shard-size", size)
        made = read_checkpoint(scratch / "made")
        settings = json.loads((scratch / "made" / "config.json").read_text())["quantization_config"]
        self.assertEqual((settings["format"], settings["ignore"]), (form, ["lm_head"]))
        self.assertEqual((scratch / "made" / "model.safetensors").exists(), size == "5GB")

        self.run_command("dequantize", scratch / "made", scratch / "plain", "--dtype", "f32")
        plain = read_checkpoint(scratch / "plain")
        self.assertEqual(set(plain), set(floats))
        layers = 0
        for name, (_, array) in floats.items():
            module = name.removesuffix(".weight")
            w = from_dtype(array, dtype)
            if not module.endswith("_proj"):
                self.assertEqual(made[name][0], dtype)
                np.testing.assert_array_equal(made[name][1], array)
                np.testing.assert_array_equal(plain[name][1], w)
                continue
            layers += 1
            q, scales, scale_dtype = unpack(made, module, form)
            expected_q, expected_scales = quantize(w, dtype)
            self.assertEqual(scale_dtype, dtype)
            np.testing.assert_array_equal(scales, expected_scales)
            np.testing.assert_array_equal(q, expected_q)
            np.testing.assert_array_equal(plain[name][1], q.astype(np.float32) * scales[:, None])
        self.assertEqual(layers, 14)


if __name__ == "__main__":
    unittest.main()
