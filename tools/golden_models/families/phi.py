"""Phi-1, 1.5, 2 (Microsoft, 2023): one norm feeds attention and MLP side by side, rotary positions over part of a head,
biases everywhere, the head's too."""

import rope_scaling
from ops import ACTIVATIONS, attention, heads, named_layer_norm, rotate


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, int(dim * c["partial_rotary_factor"]), len(ids))
    activation = ACTIVATIONS[c["hidden_act"]]
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = (x + w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.dense")
             + w.linear(activation(w.linear(h, p + "mlp.fc1")), p + "mlp.fc2"))
    return w.head(named_layer_norm(w, x, "model.final_layernorm", eps), "lm_head", "model.embed_tokens")
