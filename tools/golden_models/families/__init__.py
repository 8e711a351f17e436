"""One page per family: `forward(config, weights, ids) -> logits [tokens, vocabulary]`, and, for the families that golden
models are made of, `shapes(config) -> {tensor name: shape}`."""

from families import bloom, cohere, falcon, gemma, gpt2, gpt_neo, gpt_neox, gptj, granite, llama, mixtral, mpt, olmo2, opt
from families import phi, phi3, qwen, stablelm, starcoder2

BY_MODEL_TYPE = {
    "bloom": bloom, "codegen": gptj, "cohere": cohere, "falcon": falcon, "gemma": gemma, "gemma2": gemma,
    "gemma3": gemma, "gemma3_text": gemma, "gpt2": gpt2, "gpt_neo": gpt_neo, "gpt_neox": gpt_neox, "gptj": gptj,
    "granite": granite, "llama": llama, "mistral": llama, "mixtral": mixtral, "mpt": mpt, "olmo2": olmo2, "opt": opt,
    "phi": phi, "phi3": phi3, "qwen2": qwen, "qwen2_moe": qwen, "qwen3": qwen, "qwen3_moe": qwen, "smollm3": llama,
    "stablelm": stablelm, "starcoder2": starcoder2,
}
