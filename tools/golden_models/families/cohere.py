"""Command R (Cohere, 2024): one LayerNorm without bias feeds attention and MLP side by side, rotary positions of
neighbouring pairs, a tied head times `logit_scale`."""

import rope_scaling
from ops import attention, gated_mlp, heads, named_layer_norm, rotate, silu


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_attention_heads"], c["layer_norm_eps"]
    if c.get("use_qk_norm"):
        raise ValueError("use_qk_norm is not written here")
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = (rotate(part, frequencies, magnitude, interleaved=True) for part in (q, k))
        x = x + w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.o_proj") + gated_mlp(w, h, p + "mlp.", silu)
    return c["logit_scale"] * w.head(named_layer_norm(w, x, "model.norm", eps), "lm_head", "model.embed_tokens")
