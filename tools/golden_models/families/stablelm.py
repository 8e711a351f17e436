"""StableLM 2 (Stability AI, 2024): LLaMA with LayerNorm and rotary positions over part of a head. The 12B
model has a LayerNorm for each head of q and k, and feeds attention and MLP side by side from one norm."""

import numpy as np

import rope_scaling
from families.llama import mlp_shapes, outer_shapes
from ops import attention, gated_mlp, heads, named_layer_norm, rotate, silu


def norm_heads(w, x, name, eps):
    return np.stack([named_layer_norm(w, x[:, i], name + str(i), eps) for i in range(x.shape[1])], axis=1)


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, int(dim * c["partial_rotary_factor"]), len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        if c.get("qk_layernorm"):
            q, k = (norm_heads(w, part, p + f"self_attn.{n}_layernorm.norms.", eps) for part, n in ((q, "q"), (k, "k")))
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        mixed = w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.o_proj")
        if not c.get("use_parallel_residual"):
            h = named_layer_norm(w, x + mixed, p + "post_attention_layernorm", eps)
        x = x + mixed + gated_mlp(w, h, p + "mlp.", silu)
    return w.head(named_layer_norm(w, x, "model.norm", eps), "lm_head", "model.embed_tokens")


def shapes(c):
    """Of the form with norms of q and k, attention and MLP side by side."""
    hidden, layers = c["hidden_size"], {}
    dim = hidden // c["num_attention_heads"]
    counts = {"q": c["num_attention_heads"], "k": c["num_key_value_heads"], "v": c["num_key_value_heads"]}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= {p + "input_layernorm.weight": (hidden,), p + "input_layernorm.bias": (hidden,)}
        for n, count in counts.items():
            layers[p + f"self_attn.{n}_proj.weight"] = (count * dim, hidden)
            if n != "v":
                layers |= {p + f"self_attn.{n}_layernorm.norms.{head}.weight": (dim,) for head in range(count)}
        layers[p + "self_attn.o_proj.weight"] = (hidden, hidden)
        layers |= mlp_shapes(c, p + "mlp.", c["intermediate_size"])
    return outer_shapes(c, layers) | {"model.norm.bias": (hidden,)}
