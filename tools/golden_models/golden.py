"""Runs the reference on a directory: logits of one pass and greedy continuations."""

import json
import os

import numpy as np

import tensor_file
from families import BY_MODEL_TYPE
from ops import Weights

NEW_TOKENS = 16


def load(directory):
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    return config, tensor_file.read(os.path.join(directory, "model.safetensors"))


def logits(config, tensors, ids, quantized):
    """[len(ids), vocabulary]."""
    return BY_MODEL_TYPE[config["model_type"]].forward(config, Weights(tensors, quantized), list(ids))


def greedy(config, tensors, prompt, quantized):
    """-> (the NEW_TOKENS ids that follow, the smallest lead of a chosen id over the second, as a part of the largest
    logit). Each step is a whole pass, without a key/value cache."""
    ids, lead = list(prompt), np.inf
    for _ in range(NEW_TOKENS):
        last = logits(config, tensors, ids, quantized)[-1]
        second, first = np.sort(last)[-2:]
        lead = min(lead, (first - second) / np.abs(last).max())
        ids.append(int(np.argmax(last)))
    return ids[len(prompt) :], lead
