"""GPT-2 (Radford et al., 2019): learned positions, LayerNorm before each branch, Conv1D weights stored [in, out]. The
first published files have no `transformer.` before their names."""

import numpy as np

from ops import ACTIVATIONS, attention, heads, named_layer_norm


def forward(c, w, ids):
    p = "transformer." if "transformer.wte.weight" in w else ""
    dim, eps = c["n_embd"] // c["n_head"], c["layer_norm_epsilon"]
    activation = ACTIVATIONS[c.get("activation_function", "gelu_new")]
    x = w[p + "wte.weight"][ids] + w[p + "wpe.weight"][: len(ids)]
    for i in range(c["n_layer"]):
        layer = p + f"h.{i}."
        h = named_layer_norm(w, x, layer + "ln_1", eps)
        q, k, v = np.split(w.linear(h, layer + "attn.c_attn", transposed=True), 3, axis=-1)
        mixed = attention(heads(q, dim), heads(k, dim), heads(v, dim), dim**-0.5)
        x = x + w.linear(mixed, layer + "attn.c_proj", transposed=True)
        h = named_layer_norm(w, x, layer + "ln_2", eps)
        x = x + w.linear(activation(w.linear(h, layer + "mlp.c_fc", transposed=True)), layer + "mlp.c_proj", transposed=True)
    return w.head(named_layer_norm(w, x, p + "ln_f", eps), "lm_head", p + "wte")


def shapes(c):
    hidden, inner = c["n_embd"], c.get("n_inner") or 4 * c["n_embd"]
    named = {"wte.weight": (c["vocab_size"], hidden), "wpe.weight": (c["n_positions"], hidden)}

    def both(name, *shape):
        return {name + ".weight": shape, name + ".bias": shape[-1:]}

    for i in range(c["n_layer"]):
        p = f"h.{i}."
        named |= both(p + "ln_1", hidden) | both(p + "attn.c_attn", hidden, 3 * hidden)
        named |= both(p + "attn.c_proj", hidden, hidden) | both(p + "ln_2", hidden)
        named |= both(p + "mlp.c_fc", hidden, inner) | both(p + "mlp.c_proj", inner, hidden)
    named |= both("ln_f", hidden)
    named = {"transformer." + name: shape for name, shape in named.items()}
    if not c.get("tie_word_embeddings", True):
        named["lm_head.weight"] = (c["vocab_size"], hidden)
    return named
