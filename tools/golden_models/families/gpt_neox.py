"""GPT-NeoX (Black et al., 2022): q, k and v of each head side by side in one matrix, rotary positions over the first
`rotary_pct` of a head, attention and MLP in parallel or (`use_parallel_residual` false) one after the other."""

import rope_scaling
from ops import ACTIVATIONS, attention, named_layer_norm, rotate


def forward(c, w, ids):
    count, eps = c["num_attention_heads"], c["layer_norm_eps"]
    dim = c["hidden_size"] // count
    theta = c.get("rotary_emb_base", 10000)
    frequencies, magnitude = rope_scaling.frequencies(c | {"rope_theta": theta}, int(dim * c["rotary_pct"]), len(ids))
    activation = ACTIVATIONS[c["hidden_act"]]
    x = w["gpt_neox.embed_in.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"gpt_neox.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        fused = w.linear(h, p + "attention.query_key_value").reshape(len(ids), count, 3, dim)
        q, k, v = (fused[:, :, part] for part in range(3))
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        mixed = w.linear(attention(q, k, v, dim**-0.5), p + "attention.dense")
        h = named_layer_norm(w, x if c["use_parallel_residual"] else x + mixed, p + "post_attention_layernorm", eps)
        x = x + mixed + w.linear(activation(w.linear(h, p + "mlp.dense_h_to_4h")), p + "mlp.dense_4h_to_h")
    return w.head(named_layer_norm(w, x, "gpt_neox.final_layer_norm", eps), "embed_out", "gpt_neox.embed_in")


def shapes(c):
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    named = {"gpt_neox.embed_in.weight": (c["vocab_size"], hidden)}

    def both(name, *shape):
        return {name + ".weight": shape, name + ".bias": shape[:1]}

    for i in range(c["num_hidden_layers"]):
        p = f"gpt_neox.layers.{i}."
        named |= both(p + "input_layernorm", hidden) | both(p + "post_attention_layernorm", hidden)
        named |= both(p + "attention.query_key_value", 3 * hidden, hidden) | both(p + "attention.dense", hidden, hidden)
        named |= both(p + "mlp.dense_h_to_4h", inner, hidden) | both(p + "mlp.dense_4h_to_h", hidden, inner)
    return named | both("gpt_neox.final_layer_norm", hidden) | {"embed_out.weight": (c["vocab_size"], hidden)}
