"""Gemma (2024): embeddings times √hidden, RMSNorm by 1 + weight, gated GELU, tied head. Gemma 2 (2024): a norm before and
after each branch, soft caps, every other layer (the even ones) with a window, scores by query_pre_attn_scalar. Gemma 3
(2025): RMSNorm over each head of q and k instead of the cap on scores, one global layer in `sliding_window_pattern`
(the last of each run), and local layers with a rotary base of their own that `rope_scaling` does not touch. Inside a
multimodal checkpoint the text model has its own `text_config` and the prefix `language_model.`."""

import math

import numpy as np

import rope_scaling
from families.llama import attention_shapes, mlp_shapes
from ops import attention, gated_mlp, gelu_tanh, heads, plain_frequencies, rms_norm, rotate


GEMMA3_DEFAULTS = {"rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 1e4}


def text_config(c):
    """-> (the text model's config, the prefix of its tensors)."""
    text, prefix = (c["text_config"], "language_model.") if c["model_type"] == "gemma3" else (c, "")
    return (GEMMA3_DEFAULTS | text if text["model_type"] == "gemma3_text" else text), prefix


def is_local(c, i):
    if "layer_types" in c:
        return c["layer_types"][i] == "sliding_attention"
    if c["model_type"] == "gemma2":
        return i % 2 == 0
    return c["model_type"] != "gemma" and (i + 1) % c.get("sliding_window_pattern", 6) != 0


def positions(c, tokens):
    """-> frequencies and magnitude of the global layers, and of the local ones."""
    if c["model_type"] != "gemma3_text":
        return (rope_scaling.frequencies(c, c["head_dim"], tokens),) * 2
    if "rope_parameters" in c:  # one dictionary for each kind of layer, as newer configs write it
        return tuple(rope_scaling.frequencies(c | {"rope_parameters": c["rope_parameters"][kind]}, c["head_dim"], tokens)
                     for kind in ("full_attention", "sliding_attention"))
    return (rope_scaling.frequencies(c, c["head_dim"], tokens),
            (plain_frequencies(c["head_dim"], c["rope_local_base_freq"]), 1.0))


def forward(c, w, ids):
    c, prefix = text_config(c)
    kind, dim, eps = c["model_type"], c["head_dim"], c["rms_norm_eps"]
    scale = (dim if kind == "gemma" else c["query_pre_attn_scalar"]) ** -0.5
    everywhere, local = positions(c, len(ids))

    def norm(x, name):
        return rms_norm(x, 1 + w[prefix + name + ".weight"], eps)

    x = w[prefix + "model.embed_tokens.weight"][ids] * math.sqrt(c["hidden_size"])
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = norm(x, p + "input_layernorm")
        q, k, v = (heads(w.linear(h, prefix + p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        if kind == "gemma3_text":
            q, k = norm(q, p + "self_attn.q_norm"), norm(k, p + "self_attn.k_norm")
        turning = local if is_local(c, i) else everywhere
        q, k = rotate(q, *turning), rotate(k, *turning)
        mixed = attention(q, k, v, scale, c["sliding_window"] if is_local(c, i) else None,
                          softcap=c.get("attn_logit_softcapping"))
        branch = w.linear(mixed, prefix + p + "self_attn.o_proj")
        if kind == "gemma":
            x = x + branch
            x = x + gated_mlp(w, norm(x, p + "post_attention_layernorm"), prefix + p + "mlp.", gelu_tanh)
        else:
            x = x + norm(branch, p + "post_attention_layernorm")
            branch = gated_mlp(w, norm(x, p + "pre_feedforward_layernorm"), prefix + p + "mlp.", gelu_tanh)
            x = x + norm(branch, p + "post_feedforward_layernorm")
    logits = norm(x, "model.norm") @ w[prefix + "model.embed_tokens.weight"].T
    cap = c.get("final_logit_softcapping")
    return cap * np.tanh(logits / cap) if cap else logits


def shapes(c):
    """Of Gemma 3; `language_model.` before each name where the text model is nested."""
    c, prefix = text_config(c)
    hidden = c["hidden_size"]
    named = {"model.embed_tokens.weight": (c["vocab_size"], hidden)}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        named |= attention_shapes(c, p) | mlp_shapes(c, p + "mlp.", c["intermediate_size"])
        named |= {p + f"self_attn.{n}_norm.weight": (c["head_dim"],) for n in "qk"}
        named |= {p + n + "_layernorm.weight": (hidden,)
                  for n in ("input", "post_attention", "pre_feedforward", "post_feedforward")}
    named["model.norm.weight"] = (hidden,)
    return {prefix + name: shape for name, shape in named.items()}
