"""GPT-Neo (2021): GPT-2 with layers that are local (the last `window_size` positions) by turns, and scores that are not
scaled."""

from ops import ACTIVATIONS, attention, heads, named_layer_norm


def forward(c, w, ids):
    dim, eps = c["hidden_size"] // c["num_heads"], c["layer_norm_epsilon"]
    activation = ACTIVATIONS[c["activation_function"]]
    kinds = [kind for pattern, times in c["attention_types"] for kind in pattern * times]
    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][: len(ids)]
    for i, kind in enumerate(kinds):
        p = f"transformer.h.{i}."
        h = named_layer_norm(w, x, p + "ln_1", eps)
        q, k, v = (heads(w.linear(h, p + f"attn.attention.{n}_proj"), dim) for n in "qkv")
        mixed = attention(q, k, v, 1.0, c["window_size"] if kind == "local" else None)
        x = x + w.linear(mixed, p + "attn.attention.out_proj")
        h = named_layer_norm(w, x, p + "ln_2", eps)
        x = x + w.linear(activation(w.linear(h, p + "mlp.c_fc")), p + "mlp.c_proj")
    return w.head(named_layer_norm(w, x, "transformer.ln_f", eps), "lm_head", "transformer.wte")
