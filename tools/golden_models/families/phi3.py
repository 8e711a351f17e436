"""Phi-3 (Microsoft, 2024): LLaMA with q, k, v in one matrix and gate and up in another."""

import numpy as np

import rope_scaling
from families.llama import head_dim, outer_shapes
from ops import attention, heads, rms_norm, rotate, silu


def forward(c, w, ids):
    dim, eps = head_dim(c), c["rms_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    queries, keys = c["num_attention_heads"] * dim, c["num_key_value_heads"] * dim
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        fused = w.linear(h, p + "self_attn.qkv_proj")
        q, k, v = (heads(part, dim) for part in np.split(fused, [queries, queries + keys], axis=-1))
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5, c.get("sliding_window")), p + "self_attn.o_proj")
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        gate, up = np.split(w.linear(h, p + "mlp.gate_up_proj"), 2, axis=-1)
        x = x + w.linear(silu(gate) * up, p + "mlp.down_proj")
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens")


def shapes(c):
    layers, hidden, inner = {}, c["hidden_size"], c["intermediate_size"]
    fused = (c["num_attention_heads"] + 2 * c["num_key_value_heads"]) * head_dim(c)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= {
            p + "self_attn.qkv_proj.weight": (fused, hidden), p + "self_attn.o_proj.weight": (hidden, hidden),
            p + "mlp.gate_up_proj.weight": (2 * inner, hidden), p + "mlp.down_proj.weight": (hidden, inner),
            p + "input_layernorm.weight": (hidden,), p + "post_attention_layernorm.weight": (hidden,),
        }
    return outer_shapes(c, layers)
