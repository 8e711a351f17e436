"""The golden models: name -> what its config.json holds, and what the published files of its kind hold besides. Small, with
sizes that are no multiples of a vector's width."""

import dataclasses

import numpy as np

PROMPT = [1, 17, 93, 5, 44, 88, 8, 77, 3, 101, 61, 29]
WINDOW = 5  # shorter than PROMPT, so that the last positions no longer see the first


@dataclasses.dataclass(frozen=True)
class Model:
    config: dict
    embedding: float = 0.7  # standard deviation; smaller where the head is tied, or each token would follow itself
    gain: float = 1.6  # of the linear layers, on inputs of deviation 1
    extra: dict = dataclasses.field(default_factory=dict)  # tensors that the model itself does not use
    copies: dict = dataclasses.field(default_factory=dict)  # a tensor that is written once more, under this name
    dropped_prefix: str = ""  # of the tensors' names


def base(model_type, architecture, **other):
    return {
        "architectures": [architecture], "model_type": model_type, "vocab_size": 112, "bos_token_id": 1,
        "eos_token_id": 2, "torch_dtype": "float32", "use_cache": True,
    } | other


def llama_like(model_type, architecture, **other):
    return base(
        model_type, architecture, hidden_size=32, intermediate_size=50, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, hidden_act="silu", max_position_embeddings=256, rms_norm_eps=1e-6, rope_theta=10000.0,
        rope_scaling=None, attention_bias=False, tie_word_embeddings=False,
    ) | other


def llama(**other):
    return llama_like("llama", "LlamaForCausalLM", mlp_bias=False) | other


def qwen3(**other):
    return llama_like("qwen3", "Qwen3ForCausalLM", head_dim=12, rope_theta=1e6, sliding_window=None,
                      use_sliding_window=False, max_window_layers=2) | other


def qwen3_moe(**other):
    return llama_like(
        "qwen3_moe", "Qwen3MoeForCausalLM", head_dim=12, rope_theta=1e6, decoder_sparse_step=1, mlp_only_layers=[],
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=14, norm_topk_prob=True, sliding_window=None,
        use_sliding_window=False,
    ) | other


def smollm3(**other):
    return llama_like("smollm3", "SmolLM3ForCausalLM", rope_theta=2e6, mlp_bias=False, sliding_window=None,
                      use_sliding_window=False, tie_word_embeddings=True) | other


def gemma3_text(**other):
    return base(
        "gemma3_text", "Gemma3ForCausalLM", hidden_size=32, intermediate_size=38, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=12, hidden_activation="gelu_pytorch_tanh",
        max_position_embeddings=256, rms_norm_eps=1e-6, rope_theta=1e6, rope_local_base_freq=10000.0,
        rope_scaling=None, query_pre_attn_scalar=20, sliding_window=WINDOW, sliding_window_pattern=2,
        attn_logit_softcapping=None, final_logit_softcapping=None, attention_bias=False, tie_word_embeddings=True,
    ) | other


def gemma3():
    """The text model in a multimodal checkpoint, as 4B, 12B and 27B are published: many keys are left to their defaults
    (one global layer in six, rotary bases of 1e6 and 1e4)."""
    return {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "bos_token_id": 1,
        "eos_token_id": [2, 106], "mm_tokens_per_image": 4, "torch_dtype": "float32",
        "text_config": {
            "model_type": "gemma3_text", "vocab_size": 112, "hidden_size": 24, "intermediate_size": 26,
            "num_hidden_layers": 7, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 10,
            "query_pre_attn_scalar": 8, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": WINDOW,
        },
        "vision_config": {"hidden_size": 6, "image_size": 8, "model_type": "siglip_vision_model", "patch_size": 2},
    }


GEMMA3_VISION = {
    "vision_tower.vision_model.embeddings.patch_embedding.weight": (6, 3, 2, 2),
    "vision_tower.vision_model.embeddings.patch_embedding.bias": (6,),
    "multi_modal_projector.mm_input_projection_weight": (6, 24),
    "multi_modal_projector.mm_soft_emb_norm.weight": (6,),
}


def gpt2(**other):
    return base(
        "gpt2", "GPT2LMHeadModel", n_embd=32, n_head=4, n_layer=2, n_positions=40, n_ctx=40, n_inner=50,
        activation_function="gelu_new", layer_norm_epsilon=1e-5,
    ) | other


GPT2_MASKS = {f"transformer.h.{i}.attn.bias": np.tril(np.ones((1, 1, 40, 40), np.float32)) for i in range(2)}


def opt(**other):
    return base(
        "opt", "OPTForCausalLM", hidden_size=32, ffn_dim=50, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=40, activation_function="relu", do_layer_norm_before=True, word_embed_proj_dim=32,
        enable_bias=True, layer_norm_elementwise_affine=True, pad_token_id=0,
    ) | other


def gpt_neox(**other):
    return base(
        "gpt_neox", "GPTNeoXForCausalLM", hidden_size=32, intermediate_size=50, num_hidden_layers=2,
        num_attention_heads=4, hidden_act="gelu", rotary_pct=0.5, rotary_emb_base=10000, layer_norm_eps=1e-5,
        max_position_embeddings=256, use_parallel_residual=True, tie_word_embeddings=False,
    ) | other


def falcon(**other):
    return base(
        "falcon", "FalconForCausalLM", hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_kv_heads=4,
        ffn_hidden_size=52, alibi=False, bias=False, multi_query=True, new_decoder_architecture=False,
        parallel_attn=True, layer_norm_epsilon=1e-5, max_position_embeddings=256, rope_theta=10000.0, rope_scaling=None,
    ) | other


def bloom():
    return base(
        "bloom", "BloomForCausalLM", n_embed=24, num_attention_heads=6, n_layer=2, layer_norm_epsilon=1e-5,
        apply_residual_connection_post_layernorm=False, offset_alibi=100,
    )


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


LLAMA3_SCALING = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                  "original_max_position_embeddings": 64}
GEMMA_TIED = 0.1  # it is multiplied by the root of the hidden size
TIED = 0.3

MODELS = {
    "qwen3": Model(qwen3()),
    "qwen3-window": Model(qwen3(use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1,
                                tie_word_embeddings=True), TIED),
    "qwen3_moe": Model(qwen3_moe()),
    "qwen3_moe-dense-layers": Model(qwen3_moe(
        hidden_size=24, intermediate_size=30, head_dim=8, num_hidden_layers=4, decoder_sparse_step=2,
        mlp_only_layers=[3], norm_topk_prob=False)),
    "olmo2": Model(llama_like("olmo2", "Olmo2ForCausalLM", rope_theta=500000.0)),
    "smollm3": Model(smollm3(num_hidden_layers=3, hidden_size=24, no_rope_layers=[0, 1, 1], no_rope_layer_interval=4), TIED),
    "smollm3-interval": Model(smollm3(no_rope_layers=None, no_rope_layer_interval=2), TIED),
    "gemma3_text": Model(gemma3_text(), GEMMA_TIED),
    "gemma3_text-rope-parameters": Model(without(
        gemma3_text(
            num_hidden_layers=2, dtype="float32", layer_types=["full_attention", "sliding_attention"],
            rope_parameters={"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e5},
                             "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}),
        "rope_theta", "rope_local_base_freq", "rope_scaling", "sliding_window_pattern", "torch_dtype"), GEMMA_TIED),
    "gemma3": Model(gemma3(), GEMMA_TIED, extra=GEMMA3_VISION),
    "llama-linear-rope": Model(llama(rope_scaling={"type": "linear", "factor": 2.5})),
    "llama-llama3-rope": Model(llama(rope_theta=500.0, rope_scaling=LLAMA3_SCALING)),
    "llama-rope-parameters": Model(without(
        llama(rope_parameters=LLAMA3_SCALING | {"rope_theta": 500.0}, dtype="float32"),
        "rope_theta", "rope_scaling", "torch_dtype")),
    "llama-tied-head-written": Model(llama(tie_word_embeddings=True), TIED,
                                     copies={"lm_head.weight": "model.embed_tokens.weight"}),
    "llama-one-kv-head": Model(llama(num_key_value_heads=1)),
    "llama-head-dim": Model(llama(head_dim=12, attention_bias=True, mlp_bias=True)),
    "mistral-window": Model(llama_like("mistral", "MistralForCausalLM", head_dim=8, sliding_window=WINDOW)),
    "gpt2-untied": Model(gpt2(tie_word_embeddings=False)),
    "gpt2-no-prefix": Model(gpt2(), TIED, extra=GPT2_MASKS, dropped_prefix="transformer."),
    "opt-post-norm": Model(opt(do_layer_norm_before=False, word_embed_proj_dim=18), TIED),
    "gpt_neox-serial": Model(gpt_neox(use_parallel_residual=False)),
    "falcon-alibi": Model(falcon(alibi=True, bias=True, multi_query=False, parallel_attn=False), TIED),
    "falcon-alibi-rounded": Model(falcon(alibi=True, bias=True, multi_query=False, parallel_attn=False,
                                         num_attention_heads=16, num_kv_heads=16), TIED),
    "falcon-one-norm": Model(falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1), TIED),
    "bloom-published": Model(bloom(), TIED, gain=3.0, dropped_prefix="transformer."),
    "phi3-longrope-long": Model(llama_like(
        "phi3", "Phi3ForCausalLM", original_max_position_embeddings=8, sliding_window=9, rope_scaling={
            "type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.5, 2.0, 3.0, 4.0]})),
    "stablelm-parallel": Model(without(
        llama_like("stablelm", "StableLmForCausalLM", layer_norm_eps=1e-5, partial_rotary_factor=0.5, qk_layernorm=True,
                   use_parallel_residual=True, use_qkv_bias=False), "rms_norm_eps", "attention_bias")),
    "cohere-qk-norm": Model(without(
        llama_like("cohere", "CohereForCausalLM", layer_norm_eps=1e-5, logit_scale=0.5, use_qk_norm=True,
                   tie_word_embeddings=True), "rms_norm_eps"), TIED),
}
