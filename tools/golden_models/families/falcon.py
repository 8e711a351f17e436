"""Falcon (2023). Three layouts of the fused q, k, v: by groups of query heads with one key and value each
(`new_decoder_architecture`), all query heads before one key and one value (`multi_query`), or q, k, v of each head.
Attention and MLP in parallel, from one norm or one each, or one after the other (Falcon-RW). ALiBi (Falcon-RW) is added
before the scores are scaled, so it is scaled with them; slopes and products are rounded to bfloat16."""

import numpy as np

import rope_scaling
from ops import ACTIVATIONS, alibi_slopes, attention, named_layer_norm, rotate


def bfloat16(x):
    """Rounded to nearest, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32).astype(np.float64)


def split(c, fused, dim):
    """-> q [tokens, heads, dim], k and v [tokens, groups, dim]."""
    count = c["num_attention_heads"]
    if c["new_decoder_architecture"]:
        groups = c["num_kv_heads"]
    else:
        groups = 1 if c["multi_query"] else count
    grouped = fused.reshape(len(fused), groups, count // groups + 2, dim)
    return grouped[:, :, :-2].reshape(len(fused), count, dim), grouped[:, :, -2], grouped[:, :, -1]


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_epsilon"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    activation = ACTIVATIONS[c.get("activation", "gelu")]
    two_norms = c["new_decoder_architecture"] and c.get("num_ln_in_parallel_attn") in (None, 2)
    x = w["transformer.word_embeddings.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"transformer.h.{i}."
        h = named_layer_norm(w, x, p + ("ln_attn" if two_norms else "input_layernorm"), eps)
        q, k, v = split(c, w.linear(h, p + "self_attention.query_key_value"), dim)
        bias = None
        if c["alibi"]:
            slopes = bfloat16(alibi_slopes(c["num_attention_heads"]))
            bias = bfloat16(slopes[:, None, None] * np.arange(len(ids))) * dim**-0.5
        else:
            q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        mixed = w.linear(attention(q, k, v, dim**-0.5, bias=bias), p + "self_attention.dense")
        if two_norms:
            h = named_layer_norm(w, x, p + "ln_mlp", eps)
        elif not c["parallel_attn"]:
            h = named_layer_norm(w, x + mixed, p + "post_attention_layernorm", eps)
        x = x + mixed + w.linear(activation(w.linear(h, p + "mlp.dense_h_to_4h")), p + "mlp.dense_4h_to_h")
    return w.head(named_layer_norm(w, x, "transformer.ln_f", eps), "lm_head", "transformer.word_embeddings")


def shapes(c):
    """Of the forms other than the two norms in parallel."""
    hidden, count = c["hidden_size"], c["num_attention_heads"]
    groups = c["num_kv_heads"] if c["new_decoder_architecture"] else 1 if c["multi_query"] else count
    inner = c.get("ffn_hidden_size") or 4 * hidden
    named = {"transformer.word_embeddings.weight": (c["vocab_size"], hidden)}

    def both(name, *shape):
        biased = c["bias"] or len(shape) == 1
        return {name + ".weight": shape} | ({name + ".bias": shape[:1]} if biased else {})

    for i in range(c["num_hidden_layers"]):
        p = f"transformer.h.{i}."
        named |= both(p + "self_attention.query_key_value", hidden // count * (count + 2 * groups), hidden)
        named |= both(p + "self_attention.dense", hidden, hidden)
        named |= both(p + "mlp.dense_h_to_4h", inner, hidden) | both(p + "mlp.dense_4h_to_h", hidden, inner)
        named |= both(p + "input_layernorm", hidden)
        if not c["parallel_attn"]:
            named |= both(p + "post_attention_layernorm", hidden)
    return named | both("transformer.ln_f", hidden)
