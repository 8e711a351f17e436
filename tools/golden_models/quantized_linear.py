"""The W8A16 linear layer for float32 activations, step by step: int8 weights with one
float32 scale per output channel, activations as integers of three balanced base-256 digits with one scale per row."""

import numpy as np

ACTIVATION_RANGE = np.float32(127 * 65536 + 127 * 256 + 127)


def quantize_weight(weight):
    """`weight` [out, in] float32 -> (q [out, in] int64 in -127..127, scale [out] float32)."""
    scale = np.abs(weight).max(axis=1) / np.float32(127)
    zero = scale == 0
    if (scale[~zero] < np.finfo(np.float32).tiny).any():
        raise ValueError("a subnormal scale: golden models have none")
    scale[zero] = 1
    return np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int64), scale


def quantize_rows(x):
    """`x` [rows, in] float32 -> (integers [rows, in] int64, scale [rows] float32)."""
    largest = np.abs(x).max(axis=1)
    if not np.isfinite(x).all() or (largest[largest > 0] < 2.0**-100).any():
        raise ValueError("an activation row is not finite, or tiny: golden models have none")
    safe = np.where(largest > 0, largest, np.float32(1))
    integers = np.rint(x * (ACTIVATION_RANGE / safe)[:, None])
    return np.clip(integers, -ACTIVATION_RANGE, ACTIVATION_RANGE).astype(np.int64), largest / ACTIVATION_RANGE


def linear(x, weight, bias):
    """x Wᵀ + b; every step after the exact integer sum is one float32 operation."""
    integers, x_scale = quantize_rows(x.astype(np.float32))
    q, scale = quantize_weight(weight)
    total = (integers @ q.T).astype(np.float32) * (x_scale[:, None] * scale[None, :])
    return total if bias is None else total + bias
