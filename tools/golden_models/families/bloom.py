"""BLOOM (2022): ALiBi, a norm right after the embedding, q, k and v of each head side by side in one matrix. The
published files have no `transformer.` before their names, and `n_embed` and `num_attention_heads` in their configs."""

from ops import alibi, attention, gelu_tanh, named_layer_norm


def hidden_size(c):
    return c.get("n_embed") or c["hidden_size"]


def head_count(c):
    return c.get("num_attention_heads") or c["n_head"]


def forward(c, w, ids):
    count, eps = head_count(c), c["layer_norm_epsilon"]
    dim = hidden_size(c) // count
    t = "transformer." if "transformer.ln_f.weight" in w else ""
    if c.get("apply_residual_connection_post_layernorm"):
        raise ValueError("apply_residual_connection_post_layernorm is not written here")
    x = named_layer_norm(w, w[t + "word_embeddings.weight"][ids], t + "word_embeddings_layernorm", eps)
    for i in range(c["n_layer"]):
        p = t + f"h.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        fused = w.linear(h, p + "self_attention.query_key_value").reshape(len(ids), count, 3, dim)
        mixed = attention(fused[:, :, 0], fused[:, :, 1], fused[:, :, 2], dim**-0.5, bias=alibi(count, len(ids)))
        x = x + w.linear(mixed, p + "self_attention.dense")
        h = named_layer_norm(w, x, p + "post_attention_layernorm", eps)
        x = x + w.linear(gelu_tanh(w.linear(h, p + "mlp.dense_h_to_4h")), p + "mlp.dense_4h_to_h")
    return w.head(named_layer_norm(w, x, t + "ln_f", eps), "lm_head", t + "word_embeddings")


def shapes(c):
    hidden = hidden_size(c)
    named = {"transformer.word_embeddings.weight": (c["vocab_size"], hidden)}

    def both(name, *shape):
        return {"transformer." + name + ".weight": shape, "transformer." + name + ".bias": shape[:1]}

    named |= both("word_embeddings_layernorm", hidden)
    for i in range(c["n_layer"]):
        p = f"h.{i}."
        named |= both(p + "input_layernorm", hidden) | both(p + "self_attention.query_key_value", 3 * hidden, hidden)
        named |= both(p + "self_attention.dense", hidden, hidden) | both(p + "post_attention_layernorm", hidden)
        named |= both(p + "mlp.dense_h_to_4h", 4 * hidden, hidden) | both(p + "mlp.dense_4h_to_h", hidden, 4 * hidden)
    return named | both("ln_f", hidden)
