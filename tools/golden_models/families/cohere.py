"""Command R (Cohere, 2024): one LayerNorm without bias feeds attention and MLP side by side, rotary positions of
neighbouring pairs, a tied head times `logit_scale`. Command R+ normalizes each head of q and k by weights of its own."""

import rope_scaling
from families.llama import attention_shapes, head_dim, mlp_shapes, outer_shapes
from ops import attention, gated_mlp, heads, named_layer_norm, rotate, silu


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        if c.get("use_qk_norm"):
            q, k = (named_layer_norm(w, part, p + f"self_attn.{n}_norm", eps) for part, n in ((q, "q"), (k, "k")))
        q, k = (rotate(part, frequencies, magnitude, interleaved=True) for part in (q, k))
        x = x + w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.o_proj") + gated_mlp(w, h, p + "mlp.", silu)
    return c["logit_scale"] * w.head(named_layer_norm(w, x, "model.norm", eps), "lm_head", "model.embed_tokens")


def shapes(c):
    """Of the form with norms of q and k."""
    layers = {}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= attention_shapes(c, p) | mlp_shapes(c, p + "mlp.", c["intermediate_size"])
        layers |= {p + "self_attn.q_norm.weight": (c["num_attention_heads"], head_dim(c)),
                   p + "self_attn.k_norm.weight": (c["num_key_value_heads"], head_dim(c)),
                   p + "input_layernorm.weight": (c["hidden_size"],)}
    return outer_shapes(c, layers)
