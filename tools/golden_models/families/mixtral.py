"""Mixtral (Jiang et al., 2024): each token takes the `num_experts_per_tok` experts its router likes best, weighted by the
softmax over those alone."""

import numpy as np

import rope_scaling
from families.llama import head_dim
from ops import attention, gated_mlp, heads, rms_norm, rotate, silu, softmax


def route(w, h, name, chosen, normalized):
    """For each token, {expert: weight} of its `chosen` best experts, by the softmax over all; `normalized` to sum 1."""
    probabilities = softmax(w.float_linear(h, name))
    routes = []
    for row in probabilities:
        best = np.argsort(-row, kind="stable")[:chosen]
        total = row[best].sum() if normalized else 1.0
        routes.append({int(expert): row[expert] / total for expert in best})
    return routes


def experts(w, h, routes, run):
    """The weighted sum over each token's experts; `run(expert, row)` computes one."""
    y = np.zeros_like(h)
    for t, route_ in enumerate(routes):
        for expert, weight in route_.items():
            y[t] += weight * run(expert, h[t : t + 1])[0]
    return y


def forward(c, w, ids):
    dim, eps = head_dim(c), c["rms_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5, c.get("sliding_window")), p + "self_attn.o_proj")
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        routes = route(w, h, p + "block_sparse_moe.gate", c["num_experts_per_tok"], normalized=True)
        x = x + experts(w, h, routes, lambda expert, row: gated_mlp(
            w, row, p + f"block_sparse_moe.experts.{expert}.", silu, gate="w1", up="w3", down="w2"))
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens")
