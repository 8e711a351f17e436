"""What the families share: weights by name, norms, activations, rotary positions, causal attention. All in float64, over
the whole sequence at once: arrays are [tokens, ...], heads are [tokens, heads, head_dim]."""

import math

import numpy as np

import quantized_linear


class Weights:
    """The tensors of a checkpoint. With `quantized`, `linear` computes in W8A16; heads and routers are `float_linear`."""

    def __init__(self, tensors, quantized=False):
        self.tensors = tensors
        self.quantized = quantized

    def __contains__(self, name):
        return name in self.tensors

    def __getitem__(self, name):
        return self.tensors[name].astype(np.float64)

    def linear(self, x, name, transposed=False):
        """`transposed`: the weight is stored [in, out], as GPT-2's Conv1D is."""
        weight, bias = self.tensors[name + ".weight"], self.tensors.get(name + ".bias")
        if transposed:
            weight = np.ascontiguousarray(weight.T)
        if self.quantized:
            return quantized_linear.linear(x, weight, bias).astype(np.float64)
        return affine(x, weight, bias)

    def float_linear(self, x, name):
        return affine(x, self.tensors[name + ".weight"], self.tensors.get(name + ".bias"))

    def head(self, x, name, embedding):
        """Logits by the head `name` where the checkpoint has one, else by the embedding it is tied to."""
        if name + ".weight" in self:
            return self.float_linear(x, name)
        return x @ self[embedding + ".weight"].T


def affine(x, weight, bias):
    y = x @ weight.astype(np.float64).T
    return y if bias is None else y + bias


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def layer_norm(x, weight, bias, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    y = centred / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + eps) * weight
    return y if bias is None else y + bias


def named_layer_norm(w, x, name, eps):
    return layer_norm(x, w[name + ".weight"], w[name + ".bias"] if name + ".bias" in w else None, eps)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {
    "silu": silu, "gelu": gelu, "gelu_new": gelu_tanh, "gelu_pytorch_tanh": gelu_tanh, "gelu_fast": gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def gated_mlp(w, x, name, activation, gate="gate_proj", up="up_proj", down="down_proj"):
    return w.linear(activation(w.linear(x, name + gate)) * w.linear(x, name + up), name + down)


def heads(x, head_dim):
    return x.reshape(x.shape[0], -1, head_dim)


def attention(q, k, v, scale, window=None, bias=None, softcap=None):
    """Causal attention; each group of consecutive query heads shares one key/value head. A query sees the `window` last
    positions, itself included. `bias` [heads, 1, tokens] is added to the scaled scores. -> [tokens, heads * dim]."""
    tokens, group = q.shape[0], q.shape[1] // k.shape[1]
    scores = np.einsum("qhd,khd->hqk", q, np.repeat(k, group, axis=1)) * scale
    if softcap:
        scores = np.tanh(scores / softcap) * softcap
    if bias is not None:
        scores = scores + bias
    distance = np.arange(tokens)[:, None] - np.arange(tokens)[None, :]
    visible = distance >= 0 if window is None else (distance >= 0) & (distance < window)
    weights = softmax(np.where(visible, scores, -np.inf))
    return np.einsum("hqk,khd->qhd", weights, np.repeat(v, group, axis=1)).reshape(tokens, -1)


def alibi_slopes(count):
    """ALiBi (Press et al., 2021): 2^(-8 i / n) for the first n heads, n a power of two; the others take every second
    slope that 2 n heads would have."""
    n = 2 ** int(math.log2(count))
    return np.concatenate([2.0 ** (-8 * np.arange(1, n + 1) / n), 2.0 ** (-4 * np.arange(1, 2 * (count - n), 2) / n)])


def alibi(count, tokens):
    """[count, 1, tokens]: slope * position of the key. (The query's own position would change no weight.)"""
    return alibi_slopes(count)[:, None, None] * np.arange(tokens)


def rotate(x, frequencies, magnitude=1.0, interleaved=False):
    """Rotary positions over the first 2 * len(frequencies) elements of each head of x. A pair is (i, i + half), or
    (2i, 2i + 1) where `interleaved`."""
    half = len(frequencies)
    angle = np.arange(x.shape[0])[:, None, None] * frequencies
    cos, sin = np.cos(angle) * magnitude, np.sin(angle) * magnitude
    y = x.copy()
    first, second = (slice(0, 2 * half, 2), slice(1, 2 * half, 2)) if interleaved else (slice(0, half), slice(half, 2 * half))
    y[..., first] = x[..., first] * cos - x[..., second] * sin
    y[..., second] = x[..., second] * cos + x[..., first] * sin
    return y


def plain_frequencies(dim, theta):
    return theta ** (-np.arange(0, dim, 2) / dim)
