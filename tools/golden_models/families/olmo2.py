"""OLMo 2 (2025): each branch is normalized after it, not before, and q and k are normalized over their whole width
before they are split into heads."""

import rope_scaling
from families.llama import attention_shapes, head_dim, mlp_shapes, outer_shapes
from ops import attention, gated_mlp, heads, rms_norm, rotate, silu


def forward(c, w, ids):
    dim, eps = head_dim(c), c["rms_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        q, k, v = (w.linear(x, p + f"self_attn.{n}_proj") for n in "qkv")
        q = heads(rms_norm(q, w[p + "self_attn.q_norm.weight"], eps), dim)
        k = heads(rms_norm(k, w[p + "self_attn.k_norm.weight"], eps), dim)
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        branch = w.linear(attention(q, k, heads(v, dim), dim**-0.5), p + "self_attn.o_proj")
        x = x + rms_norm(branch, w[p + "post_attention_layernorm.weight"], eps)
        branch = gated_mlp(w, x, p + "mlp.", silu)
        x = x + rms_norm(branch, w[p + "post_feedforward_layernorm.weight"], eps)
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens")


def shapes(c):
    layers, hidden, dim = {}, c["hidden_size"], head_dim(c)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= attention_shapes(c, p) | mlp_shapes(c, p + "mlp.", c["intermediate_size"])
        layers |= {
            p + "self_attn.q_norm.weight": (c["num_attention_heads"] * dim,),
            p + "self_attn.k_norm.weight": (c["num_key_value_heads"] * dim,),
            p + "post_attention_layernorm.weight": (hidden,),
            p + "post_feedforward_layernorm.weight": (hidden,),
        }
    return outer_shapes(c, layers)
