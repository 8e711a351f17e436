"""StableLM 2 (Stability AI, 2024): LLaMA with LayerNorm and rotary positions over part of a head."""

import rope_scaling
from ops import attention, gated_mlp, heads, named_layer_norm, rotate, silu


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_eps"]
    if c.get("qk_layernorm") or c.get("use_parallel_residual"):
        raise ValueError("qk_layernorm and use_parallel_residual are not written here")
    frequencies, magnitude = rope_scaling.frequencies(c, int(dim * c["partial_rotary_factor"]), len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.o_proj")
        h = named_layer_norm(w, x, p + "post_attention_layernorm", eps)
        x = x + gated_mlp(w, h, p + "mlp.", silu)
    return w.head(named_layer_norm(w, x, "model.norm", eps), "lm_head", "model.embed_tokens")
