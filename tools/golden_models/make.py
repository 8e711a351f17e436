"""Writes the golden models: python3 tools/golden_models/make.py [--out DIRECTORY] [NAME]...

Without names, all of models.py, into tests/data/goldens. The files are the same bytes each time."""

import argparse
import json
import os
import zlib

import numpy as np

import golden
import tensor_file
from families import BY_MODEL_TYPE
from models import MODELS, PROMPT

EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
POSITIONS = ("wpe.weight", "embed_positions.weight")
SMALLEST_LEAD = 1e-3  # of every greedy choice over the second best, as a part of the largest logit
FEWEST_DIFFERENT_IDS = 6
SEEDS = 1000


def normal(random, shape):
    """About normal: sums of uniform numbers, the same on every machine, which logarithms and cosines need not be."""
    return (random.random_sample((12, *shape)).sum(axis=0) - 6).astype(np.float32)


def draw(random, model, name, shape):
    z = normal(random, shape)
    if name.endswith(".bias"):
        return np.float32(0.2) * z
    if "norm" in name or ".ln_" in name:
        return np.float32(0.2) * z + np.float32(0 if "gemma" in model.config["model_type"] else 1)
    if name.endswith(EMBEDDINGS):
        return np.float32(model.embedding) * z
    return np.float32(0.3 if name.endswith(POSITIONS) else model.gain / max(shape) ** 0.5) * z


def draw_tensors(model, seed):
    random = np.random.RandomState(seed)
    tensors = {}
    for name, shape in (BY_MODEL_TYPE[model.config["model_type"]].shapes(model.config) | model.extra).items():
        tensor = shape if isinstance(shape, np.ndarray) else draw(random, model, name, shape)
        tensors[name.removeprefix(model.dropped_prefix)] = tensor
    return tensors | {copy: tensors[name] for copy, name in model.copies.items()}


def rounded(logits):
    return [[float(f"{value:.6g}") for value in row] for row in logits]


def make(name):
    """-> {file name: bytes}, from the first seed by which no greedy choice is close."""
    model = MODELS[name]
    for seed in range(zlib.crc32(name.encode()) % 1000000, 2**32, 1000)[:SEEDS]:
        tensors = draw_tensors(model, seed)
        ids, lead = golden.greedy(model.config, tensors, PROMPT, quantized=False)
        if lead < SMALLEST_LEAD or len(set(ids)) < FEWEST_DIFFERENT_IDS:
            continue
        quantized_ids, lead = golden.greedy(model.config, tensors, PROMPT, quantized=True)
        if lead < SMALLEST_LEAD:
            continue
        content = {
            "reference": "numpy", "input_ids": PROMPT,
            "logits": rounded(golden.logits(model.config, tensors, PROMPT, quantized=False)), "greedy": ids,
            "w8a16_logits": rounded(golden.logits(model.config, tensors, PROMPT, quantized=True)),
            "w8a16_greedy": quantized_ids,
        }
        return {
            "config.json": (json.dumps(model.config, indent=2) + "\n").encode(),
            "golden.json": json.dumps(content).encode(),
            "model.safetensors": tensor_file.encode(tensors),
        }
    raise RuntimeError(f"{name}: no seed of {SEEDS} gives greedy choices that are clear and varied")


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(root, "tests", "data", "goldens"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names or MODELS:
        directory = os.path.join(arguments.out, name)
        os.makedirs(directory, exist_ok=True)
        for file_name, content in make(name).items():
            with open(os.path.join(directory, file_name), "wb") as file:
                file.write(content)
        print(f"{name}: {sum(os.path.getsize(entry) for entry in os.scandir(directory))} bytes")


if __name__ == "__main__":
    main()
