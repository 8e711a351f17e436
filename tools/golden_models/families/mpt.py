"""MPT (MosaicML, 2023): ALiBi, no biases, q, k and v one after the other in one matrix, tied head."""

import numpy as np

from ops import alibi, attention, gelu, heads, named_layer_norm


def forward(c, w, ids):
    count, eps = c["n_heads"], c["layer_norm_epsilon"]
    dim = c["d_model"] // count
    x = w["transformer.wte.weight"][ids]
    for i in range(c["n_layers"]):
        p = f"transformer.blocks.{i}."
        h = named_layer_norm(w, x, p + "norm_1", eps)
        q, k, v = (heads(part, dim) for part in np.split(w.linear(h, p + "attn.Wqkv"), 3, axis=-1))
        mixed = attention(q, k, v, dim**-0.5, bias=alibi(count, len(ids)))
        x = x + w.linear(mixed, p + "attn.out_proj")
        h = named_layer_norm(w, x, p + "norm_2", eps)
        x = x + w.linear(gelu(w.linear(h, p + "ffn.up_proj")), p + "ffn.down_proj")
    return w.head(named_layer_norm(w, x, "transformer.norm_f", eps), "lm_head", "transformer.wte")
