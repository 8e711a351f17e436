"""OPT (Zhang et al., 2022): learned positions that begin at row 2, ReLU. `do_layer_norm_before` false (opt-350m) puts each
norm after its residual sum and leaves out the final one; there the embedding is narrower and projected in and out."""

from ops import ACTIVATIONS, attention, heads, named_layer_norm

POSITION_OFFSET = 2


def forward(c, w, ids):
    dim, before, eps = c["hidden_size"] // c["num_attention_heads"], c["do_layer_norm_before"], 1e-5
    activation = ACTIVATIONS[c["activation_function"]]
    d = "model.decoder."
    x = w[d + "embed_tokens.weight"][ids]
    if c["word_embed_proj_dim"] != c["hidden_size"]:
        x = w.linear(x, d + "project_in")
    x = x + w[d + "embed_positions.weight"][POSITION_OFFSET : POSITION_OFFSET + len(ids)]

    def branch(x, name, run):
        if before:
            return x + run(named_layer_norm(w, x, name, eps))
        return named_layer_norm(w, x + run(x), name, eps)

    for i in range(c["num_hidden_layers"]):
        p = d + f"layers.{i}."

        def attend(h, p=p):
            q, k, v = (heads(w.linear(h, p + f"self_attn.{n}_proj"), dim) for n in "qkv")
            return w.linear(attention(q, k, v, dim**-0.5), p + "self_attn.out_proj")

        def feed(h, p=p):
            return w.linear(activation(w.linear(h, p + "fc1")), p + "fc2")

        x = branch(x, p + "self_attn_layer_norm", attend)
        x = branch(x, p + "final_layer_norm", feed)
    if before and not c.get("_remove_final_layer_norm"):
        x = named_layer_norm(w, x, d + "final_layer_norm", eps)
    if c["word_embed_proj_dim"] != c["hidden_size"]:
        x = w.linear(x, d + "project_out")
    return w.head(x, "lm_head", d + "embed_tokens")


def shapes(c):
    """Of the form with projected embeddings and norms after the sums."""
    hidden, inner, narrow, d = c["hidden_size"], c["ffn_dim"], c["word_embed_proj_dim"], "model.decoder."
    named = {
        d + "embed_tokens.weight": (c["vocab_size"], narrow),
        d + "embed_positions.weight": (c["max_position_embeddings"] + POSITION_OFFSET, hidden),
        d + "project_in.weight": (hidden, narrow), d + "project_out.weight": (narrow, hidden),
    }

    def both(name, *shape):
        return {name + ".weight": shape, name + ".bias": shape[:1]}

    for i in range(c["num_hidden_layers"]):
        p = d + f"layers.{i}."
        for n in ("k_proj", "v_proj", "q_proj", "out_proj"):
            named |= both(p + "self_attn." + n, hidden, hidden)
        named |= both(p + "self_attn_layer_norm", hidden) | both(p + "fc1", inner, hidden) | both(p + "fc2", hidden, inner)
        named |= both(p + "final_layer_norm", hidden)
    return named
