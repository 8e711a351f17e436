"""BLOOM (2022): ALiBi, a norm right after the embedding, q, k and v of each head side by side in one matrix."""

from ops import alibi, attention, gelu_tanh, named_layer_norm


def forward(c, w, ids):
    count, eps = c["n_head"], c["layer_norm_epsilon"]
    dim = c["hidden_size"] // count
    if c.get("apply_residual_connection_post_layernorm"):
        raise ValueError("apply_residual_connection_post_layernorm is not written here")
    x = named_layer_norm(w, w["transformer.word_embeddings.weight"][ids], "transformer.word_embeddings_layernorm", eps)
    for i in range(c["n_layer"]):
        p = f"transformer.h.{i}."
        h = named_layer_norm(w, x, p + "input_layernorm", eps)
        fused = w.linear(h, p + "self_attention.query_key_value").reshape(len(ids), count, 3, dim)
        mixed = attention(fused[:, :, 0], fused[:, :, 1], fused[:, :, 2], dim**-0.5, bias=alibi(count, len(ids)))
        x = x + w.linear(mixed, p + "self_attention.dense")
        h = named_layer_norm(w, x, p + "post_attention_layernorm", eps)
        x = x + w.linear(gelu_tanh(w.linear(h, p + "mlp.dense_h_to_4h")), p + "mlp.dense_4h_to_h")
    return w.head(named_layer_norm(w, x, "transformer.ln_f", eps), "lm_head", "transformer.word_embeddings")
