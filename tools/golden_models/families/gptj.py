"""GPT-J (2021) and CodeGen (2022): one norm feeds attention and MLP side by side, rotary positions of neighbouring pairs.
CodeGen keeps q, v and k (in this order) in one matrix, in four blocks each of a quarter of the heads."""

from ops import ACTIVATIONS, attention, heads, named_layer_norm, plain_frequencies, rotate

CODEGEN_BLOCKS = 4


def queries_keys_values(c, w, h, p):
    if c["model_type"] == "gptj":
        return (w.linear(h, p + f"attn.{n}_proj") for n in "qkv")
    blocks = w.linear(h, p + "attn.qkv_proj").reshape(len(h), CODEGEN_BLOCKS, 3, -1)
    return (blocks[:, :, part].reshape(len(h), -1) for part in (0, 2, 1))


def forward(c, w, ids):
    dim, eps = c["n_embd"] // c["n_head"], c["layer_norm_epsilon"]
    frequencies = plain_frequencies(c["rotary_dim"] or dim, 10000.0)
    activation = ACTIVATIONS[c["activation_function"]]
    x = w["transformer.wte.weight"][ids]
    for i in range(c["n_layer"]):
        p = f"transformer.h.{i}."
        h = named_layer_norm(w, x, p + "ln_1", eps)
        q, k, v = (heads(part, dim) for part in queries_keys_values(c, w, h, p))
        q, k = rotate(q, frequencies, interleaved=True), rotate(k, frequencies, interleaved=True)
        x = (x + w.linear(attention(q, k, v, dim**-0.5), p + "attn.out_proj")
             + w.linear(activation(w.linear(h, p + "mlp.fc_in")), p + "mlp.fc_out"))
    return w.head(named_layer_norm(w, x, "transformer.ln_f", eps), "lm_head", "transformer.wte")
