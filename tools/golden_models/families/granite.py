"""Granite (IBM, 2024): LLaMA with four multipliers, of the embedding, the attention scores, the residual branches and
(as a divisor) the logits."""

import rope_scaling
from families.llama import head_dim
from ops import attention, gated_mlp, heads, rms_norm, rotate, silu


def forward(c, w, ids):
    dim, eps, branch = head_dim(c), c["rms_norm_eps"], c["residual_multiplier"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids] * c["embedding_multiplier"]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + branch * w.linear(attention(q, k, v, c["attention_multiplier"]), p + "self_attn.o_proj")
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        x = x + branch * gated_mlp(w, h, p + "mlp.", silu)
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens") / c["logits_scaling"]
