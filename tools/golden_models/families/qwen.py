"""Qwen2 (2024): LLaMA with biases on q, k and v. Qwen3 (2025): none, but RMSNorm over each head of q and k, before the
rotation. The MoE forms route without (`norm_topk_prob` false) or with renormalizing; Qwen2-MoE adds a shared expert
behind a sigmoid gate. A layer is dense where `mlp_only_layers` lists it or `decoder_sparse_step` passes over it."""

import rope_scaling
from families.llama import attention_shapes, head_dim, mlp_shapes, outer_shapes
from families.mixtral import experts, route
from ops import attention, gated_mlp, heads, rms_norm, rotate, sigmoid, silu


def has_experts(c, i):
    sparse = "_moe" in c["model_type"] and c["num_experts"] > 0
    return sparse and i not in (c.get("mlp_only_layers") or []) and (i + 1) % c.get("decoder_sparse_step", 1) == 0


def window(c, i):
    """The layers from `max_window_layers` on have the window, where it is in use."""
    return c["sliding_window"] if c.get("use_sliding_window") and i >= c["max_window_layers"] else None


def mlp(c, w, h, p, i):
    if not has_experts(c, i):
        return gated_mlp(w, h, p, silu)
    routes = route(w, h, p + "gate", c["num_experts_per_tok"], c.get("norm_topk_prob", False))
    y = experts(w, h, routes, lambda expert, row: gated_mlp(w, row, p + f"experts.{expert}.", silu))
    if c["model_type"] == "qwen2_moe":
        y = y + sigmoid(w.float_linear(h, p + "shared_expert_gate")) * gated_mlp(w, h, p + "shared_expert.", silu)
    return y


def forward(c, w, ids):
    dim, eps, head_norms = head_dim(c), c["rms_norm_eps"], c["model_type"].startswith("qwen3")
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        if head_norms:
            q = rms_norm(q, w[p + "self_attn.q_norm.weight"], eps)
            k = rms_norm(k, w[p + "self_attn.k_norm.weight"], eps)
        q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5, window(c, i)), p + "self_attn.o_proj")
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        x = x + mlp(c, w, h, p + "mlp.", i)
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens")


def shapes(c):
    """Of Qwen3 and Qwen3-MoE."""
    layers, hidden = {}, c["hidden_size"]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= attention_shapes(c, p)
        layers |= {p + f"self_attn.{n}_norm.weight": (head_dim(c),) for n in "qk"}
        if has_experts(c, i):
            layers[p + "mlp.gate.weight"] = (c["num_experts"], hidden)
            for expert in range(c["num_experts"]):
                layers |= mlp_shapes(c, p + f"mlp.experts.{expert}.", c["moe_intermediate_size"])
        else:
            layers |= mlp_shapes(c, p + "mlp.", c["intermediate_size"])
        layers |= {p + "input_layernorm.weight": (hidden,), p + "post_attention_layernorm.weight": (hidden,)}
    return outer_shapes(c, layers)
