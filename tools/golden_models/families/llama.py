"""LLaMA (Touvron et al., 2023): pre-norm with RMSNorm, rotary positions, gated SiLU MLP. Mistral (2023) adds a sliding
window; SmolLM3 (2025) has layers without positions (`no_rope_layers`: 1 rotates, 0 does not)."""

import rope_scaling
from ops import attention, gated_mlp, heads, rms_norm, rotate, silu


def head_dim(c):
    return c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]


def rotates(c):
    """For each layer: does it use rotary positions."""
    layers = range(c["num_hidden_layers"])
    if c["model_type"] != "smollm3":
        return [True for _ in layers]
    if c.get("no_rope_layers") is not None:
        return [c["no_rope_layers"][i] == 1 for i in layers]
    return [(i + 1) % c.get("no_rope_layer_interval", 4) != 0 for i in layers]


def forward(c, w, ids):
    dim, eps = head_dim(c), c["rms_norm_eps"]
    frequencies, magnitude = rope_scaling.frequencies(c, dim, len(ids))
    window = c.get("sliding_window") if c["model_type"] == "mistral" else None
    x = w["model.embed_tokens.weight"][ids]
    for i, rotated in enumerate(rotates(c)):
        p = f"model.layers.{i}."
        h = rms_norm(x, w[p + "input_layernorm.weight"], eps)
        q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
        if rotated:
            q, k = rotate(q, frequencies, magnitude), rotate(k, frequencies, magnitude)
        x = x + w.linear(attention(q, k, v, dim**-0.5, window), p + "self_attn.o_proj")
        h = rms_norm(x, w[p + "post_attention_layernorm.weight"], eps)
        x = x + gated_mlp(w, h, p + "mlp.", silu)
    return w.head(rms_norm(x, w["model.norm.weight"], eps), "lm_head", "model.embed_tokens")


def attention_shapes(c, p):
    hidden, dim = c["hidden_size"], head_dim(c)
    sizes = {"q": c["num_attention_heads"] * dim, "k": c["num_key_value_heads"] * dim, "v": c["num_key_value_heads"] * dim}
    shapes = {p + f"self_attn.{n}_proj.weight": (size, hidden) for n, size in sizes.items()}
    if c.get("attention_bias"):
        shapes |= {p + f"self_attn.{n}_proj.bias": (size,) for n, size in sizes.items()}
        shapes[p + "self_attn.o_proj.bias"] = (hidden,)
    return shapes | {p + "self_attn.o_proj.weight": (hidden, sizes["q"])}


def mlp_shapes(c, p, size):
    sizes = {"gate": (size, c["hidden_size"]), "up": (size, c["hidden_size"]), "down": (c["hidden_size"], size)}
    shapes = {p + f"{n}_proj.weight": shape for n, shape in sizes.items()}
    if c.get("mlp_bias"):
        shapes |= {p + f"{n}_proj.bias": shape[:1] for n, shape in sizes.items()}
    return shapes


def outer_shapes(c, layers):
    """Embedding and final norm around the tensors of the layers, and the head where it is not tied."""
    vocabulary, hidden = c["vocab_size"], c["hidden_size"]
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)} | layers | {"model.norm.weight": (hidden,)}
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (vocabulary, hidden)
    return shapes


def shapes(c):
    layers = {}
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        layers |= attention_shapes(c, p) | mlp_shapes(c, p + "mlp.", c["intermediate_size"])
        layers |= {p + "input_layernorm.weight": (c["hidden_size"],), p + "post_attention_layernorm.weight": (c["hidden_size"],)}
    return outer_shapes(c, layers)
