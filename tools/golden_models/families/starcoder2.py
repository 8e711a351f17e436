"""StarCoder2 (Lozhkov et al., 2024): LayerNorm, biases, a plain GELU MLP, rotary positions, grouped queries."""

import rope_scaling
from ops import ACTIVATIONS, attention, heads, named_layer_norm, rotate


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["norm_epsilon"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    activation = ACTIVATIONS[c["hidden_act"]]
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5, c.get("sliding_window")), p + "self_attn.o_proj")
        h = named_layer_norm(w, x, p + "post_attention_layernorm", eps)
        x = x + w.linear(activation(w.linear(h, p + "mlp.c_fc")), p + "mlp.c_proj")
    return w.head(named_layer_norm(w, x, "model.norm", eps), "lm_head", "model.embed_tokens")
