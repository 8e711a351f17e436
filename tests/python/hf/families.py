"""Tiny random models of many transformers families: what to build, what goes in, what comes out, what stays float."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Tuple

import torch
import transformers

V5 = int(transformers.__version__.partition(".")[0]) >= 5
VOCABULARY = 96
TIED = "its weight is also {}, which stays float"
EXCLUDED = "excluded by {!r}"


AUTO_CLASSES = {
    "ForCausalLM": "AutoModelForCausalLM",
    "GPT2LMHeadModel": "AutoModelForCausalLM",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "WhisperForConditionalGeneration": "AutoModelForSpeechSeq2Seq",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
    "MarianMTModel": "AutoModelForSeq2SeqLM",
    "ForImageClassification": "AutoModelForImageClassification",
    "ForCTC": "AutoModelForCTC",
    "Model": "AutoModel",
}


@dataclass(frozen=True)
class Family:
    """One row of the table."""

    config: str  #: class of transformers
    options: Dict[str, Any]  #: of the config
    model: str  #: class of transformers
    layers: int  #: how many are replaced
    exclude: Tuple[str, ...] = ()  #: as a user gives them: the output head, routers
    left_alone: Dict[str, str] = field(default_factory=dict)  #: exactly these linear layers stay float: name -> reason
    inputs: str = "text"  #: which of the functions below
    outputs: Tuple[str, ...] = ("logits",)
    generates: bool = False
    causal: bool = False  #: a model of AutoModelForCausalLM
    float32_logits: bool = False  #: whatever the model's dtype
    attention: str = ""  #: attn_implementation, where the default one must not be taken

    def missing(self) -> str:
        """Which class this version of transformers lacks, or an empty string."""
        return " ".join(name for name in (self.config, self.model) if not hasattr(transformers, name))

    @property
    def auto_class(self) -> Any:
        """What a user loads such a model by."""
        found = [auto for end, auto in AUTO_CLASSES.items() if self.model.endswith(end)]
        return getattr(transformers, found[0] if found else self.model)

    @property
    def load_options(self) -> Dict[str, str]:
        return {"attn_implementation": self.attention} if self.attention else {}

    def build(self, seed: int = 0) -> Any:
        """A new float model in eval mode, the same values for the same seed."""
        torch.manual_seed(seed)
        config = getattr(transformers, self.config)(**self.options)
        model = getattr(transformers, self.model)._from_config(config, **self.load_options)
        randomize(model)
        return model.eval()

    def make_inputs(self) -> Dict[str, torch.Tensor]:
        torch.manual_seed(1)
        return INPUTS[self.inputs]()


@torch.no_grad()
def randomize(model: torch.nn.Module) -> None:
    """Values that make every layer count: outputs of order 1, biases and norms that are not the neutral ones."""
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if not parameter.requires_grad:
                continue  # sinusoids, which are made anew instead of loaded
            if parameter.dim() < 2:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
            elif isinstance(module, torch.nn.Embedding):
                parameter.normal_(std=0.3)  # more, and models with tied heads repeat the last token
            elif type(module).__name__ == "Conv1D":
                parameter.normal_(std=parameter.shape[0] ** -0.5)
            else:
                fused = parameter.dim() == 3 and "Experts" in type(module).__name__
                fan_in = parameter.shape[-1] if fused else parameter[0].numel()
                parameter.normal_(std=fan_in**-0.5)
    for module in model.modules():
        if type(module).__name__ == "T5Attention":
            module.q.weight.mul_(module.key_value_proj_dim**-0.5)  # as T5 does, which does not scale q k


def ids(rows: int, length: int) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (rows, length))


def padding(rows: int, length: int) -> torch.Tensor:
    """The last row is shorter by three."""
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[-1, -3:] = 0
    return mask


def encoder_decoder() -> Dict[str, torch.Tensor]:
    return {"input_ids": ids(2, 9), "attention_mask": padding(2, 9), "decoder_input_ids": ids(2, 5)}


def speech() -> Dict[str, torch.Tensor]:
    mask = torch.ones(2, 400, dtype=torch.long)
    mask[-1, -120:] = 0
    return {"input_values": torch.randn(2, 400), "attention_mask": mask}


INPUTS: Dict[str, Callable[[], Dict[str, torch.Tensor]]] = {
    "text": lambda: {"input_ids": ids(2, 9)},
    "padded": lambda: {"input_ids": ids(2, 9), "attention_mask": padding(2, 9)},
    "encoder-decoder": encoder_decoder,
    "image": lambda: {"pixel_values": torch.randn(2, 3, 16, 16)},
    "image+text": lambda: {
        "pixel_values": torch.randn(2, 3, 16, 16), "input_ids": ids(2, 9), "attention_mask": padding(2, 9)
    },
    "sound": speech,
    "spectrum": lambda: {"input_features": torch.randn(2, 8, 24), "decoder_input_ids": ids(2, 5)},
}  # fmt: skip


def causal(name: str, layers: int, options: Dict[str, Any], head: str = "lm_head", **more: Any) -> Family:
    """A language model whose head is a layer of its own, which the user excludes."""
    common = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "vocab_size": VOCABULARY}
    more.setdefault("exclude", (head,))
    more.setdefault("left_alone", {head: EXCLUDED.format(head)})
    more.setdefault("model", name + "ForCausalLM")
    return Family(name + "Config", {**common, **options}, layers=layers, generates=True, causal=True, **more)


def tied(name: str, layers: int, options: Dict[str, Any], embedding: str = "model.embed_tokens", **more: Any) -> Family:
    """A language model whose head is the embedding: the user excludes nothing."""
    left_alone = {"lm_head": TIED.format(embedding + ".weight")}
    return causal(name, layers, {**options, "tie_word_embeddings": True}, exclude=(), left_alone=left_alone, **more)


def routed(name: str, layers: int, options: Dict[str, Any], router: str, *shared: str) -> Family:
    """With experts, and the routers of both blocks excluded. transformers 5 has classes of its own for routers and for all
    experts of a block together: none of them is a linear layer, and sizes must be multiples of 8, for its product over the
    groups of tokens.

    ``shared``: routers that are linear layers in both versions.
    """
    routers = shared if V5 else (router, *shared)
    left_alone = {"lm_head": EXCLUDED.format("lm_head")}
    for path in routers:
        child = path.rpartition(".")[2]
        left_alone.update({f"model.layers.{block}.{path}": EXCLUDED.format(child) for block in range(2)})
    exclude = ("lm_head", *(path.rpartition(".")[2] for path in routers))
    return causal(name, layers, {**LLAMA, **options}, exclude=exclude, left_alone=left_alone)


LLAMA = {
    "hidden_size": 32, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip
NEOX = {
    "hidden_size": 32, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}  # fmt: skip
BERT = {**NEOX, "vocab_size": VOCABULARY, "pad_token_id": 0}
BERT.pop("tie_word_embeddings")
BART = {
    "vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 52, "decoder_ffn_dim": 44, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None,
}  # fmt: skip
VIT = {
    "hidden_size": 32, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 16,
    "patch_size": 4,
}  # fmt: skip
CLIP_TEXT = {**NEOX, "vocab_size": VOCABULARY, "projection_dim": 24, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
CLIP_TEXT.pop("tie_word_embeddings")
STATE = ("last_hidden_state",)

# A block of Llama has 7 linear layers, one of GPT-2 has 4; all models here have two blocks, but Wav2Vec2's extras.
FAMILIES: Dict[str, Family] = {
    # causal
    "llama": tied("Llama", 14, LLAMA),
    "mistral": causal("Mistral", 14, {**LLAMA, "sliding_window": 4}),
    "mixtral": routed(
        "Mixtral", 8 if V5 else 32, {"intermediate_size": 56, "num_local_experts": 4, "num_experts_per_tok": 2},
        "block_sparse_moe.gate",
    ),
    "qwen2": causal("Qwen2", 14, LLAMA),
    "qwen3": tied("Qwen3", 14, {**LLAMA, "head_dim": 12}),
    "qwen2_moe": routed(
        "Qwen2Moe", 14 if V5 else 38, {
            "moe_intermediate_size": 24, "shared_expert_intermediate_size": 40, "num_experts": 4, "num_experts_per_tok": 2
        }, "mlp.gate", "mlp.shared_expert_gate",
    ),
    "qwen3_moe": routed(
        "Qwen3Moe", 8 if V5 else 32, {"moe_intermediate_size": 24, "num_experts": 4, "num_experts_per_tok": 2}, "mlp.gate",
    ),
    "gemma2": tied("Gemma2", 14, {**LLAMA, "head_dim": 8, "sliding_window": 4}, attention="eager"),
    "gemma3_text": tied(
        "Gemma3Text", 14, {**LLAMA, "head_dim": 8, "sliding_window": 4, "sliding_window_pattern": 2},
        model="Gemma3ForCausalLM",
    ),
    "phi": causal("Phi", 12, {**NEOX, "partial_rotary_factor": 0.5}),
    "phi3": causal("Phi3", 8, LLAMA),
    "gpt2": tied("GPT2", 8, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, "transformer.wte",
                 model="GPT2LMHeadModel"),
    "gpt_neo": tied(
        "GPTNeo", 12, {
            "hidden_size": 32, "num_layers": 2, "attention_types": [[["global", "local"], 1]], "num_heads": 4, "window_size": 4,
            "max_position_embeddings": 64, "intermediate_size": 52,
        }, "transformer.wte",
    ),
    "gptj": causal("GPTJ", 12, {
        "n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 64, "tie_word_embeddings": False,
    }, float32_logits=not V5),
    "gpt_neox": causal("GPTNeoX", 8, {**NEOX, "rotary_pct": 0.5}, head="lm_head" if V5 else "embed_out"),
    "opt": tied("OPT", 14, {
        "hidden_size": 32, "ffn_dim": 52, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
        "word_embed_proj_dim": 24,
    }, "model.decoder.embed_tokens"),
    "bloom": tied("Bloom", 8, {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "transformer.word_embeddings"),
    "mpt": tied("Mpt", 8, {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64, "expansion_ratio": 2},
                "transformer.wte"),
    "falcon": tied(
        "Falcon", 8, {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True, "bias": True,
            "new_decoder_architecture": False,
        }, "transformer.word_embeddings", attention="sdpa",  # eager adds ALiBi twice
    ),
    "falcon_new": tied(  # groups of queries share a key, and the block has another form
        "Falcon", 8, {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_kv_heads": 2, "alibi": False,
            "new_decoder_architecture": True,
        }, "transformer.word_embeddings",
    ),
    "codegen": causal("CodeGen", 8, {
        "n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 64, "tie_word_embeddings": False,
    }, float32_logits=True),
    "starcoder2": causal("Starcoder2", 12, LLAMA),
    "stablelm": causal("StableLm", 14, {**LLAMA, "partial_rotary_factor": 0.5, "use_qkv_bias": True}),
    "olmo2": causal("Olmo2", 14, LLAMA),
    "granite": causal("Granite", 14, {**LLAMA, "embedding_multiplier": 2.0, "logits_scaling": 4.0, "residual_multiplier": 0.5}),
    "cohere": tied("Cohere", 14, {**LLAMA, "use_qk_norm": True}),
    # encoders
    "bert": Family(
        "BertConfig", BERT, "BertForMaskedLM", 13, inputs="padded",
        left_alone={"cls.predictions.decoder": TIED.format("bert.embeddings.word_embeddings.weight")},
    ),
    "roberta": Family(
        "RobertaConfig", {**BERT, "pad_token_id": 1}, "RobertaForSequenceClassification", 13, ("classifier.out_proj",),
        {"classifier.out_proj": EXCLUDED.format("classifier.out_proj")}, inputs="padded",
    ),
    "distilbert": Family(
        "DistilBertConfig", {"vocab_size": VOCABULARY, "dim": 32, "hidden_dim": 52, "n_layers": 2, "n_heads": 4},
        "DistilBertModel", 12, inputs="padded", outputs=STATE,
    ),
    "albert": Family(  # one block, run twice
        "AlbertConfig", {**BERT, "embedding_size": 20}, "AlbertModel", 8, inputs="padded",
        outputs=("last_hidden_state", "pooler_output"),
    ),
    "modernbert": Family(
        "ModernBertConfig", {**BERT, "global_attn_every_n_layers": 2, "local_attention": 4, "cls_token_id": 1,
                             "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2, "reference_compile": False},
        "ModernBertForMaskedLM", 9, inputs="padded", attention="sdpa",
        left_alone={"decoder": TIED.format("model.embeddings.tok_embeddings.weight")},
    ),
    "deberta-v2": Family(
        "DebertaV2Config", {**BERT, "relative_attention": True, "position_buckets": 8, "pos_att_type": ["p2c", "c2p"],
                            "share_att_key": False, "norm_rel_ebd": "layer_norm"},
        "DebertaV2ForSequenceClassification", 17, ("classifier",), {"classifier": EXCLUDED.format("classifier")},
        inputs="padded",
    ),
    # encoder and decoder
    "t5": Family(
        "T5Config", {"vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 52, "num_layers": 2, "num_heads": 4,
                     "feed_forward_proj": "gated-gelu", "decoder_start_token_id": 0, "tie_word_embeddings": False},
        "T5ForConditionalGeneration", 36, ("lm_head",), {"lm_head": EXCLUDED.format("lm_head")},
        inputs="encoder-decoder", generates=True,
    ),
    "bart": Family(
        "BartConfig", BART, "BartForConditionalGeneration", 32, inputs="encoder-decoder", generates=True,
        left_alone={"lm_head": TIED.format("model.shared.weight")},
    ),
    "marian": Family(
        "MarianConfig", BART, "MarianMTModel", 32, inputs="encoder-decoder", generates=True,
        left_alone={"lm_head": TIED.format("model.shared.weight")},
    ),
    # vision
    "vit": Family("ViTConfig", {**VIT, "num_labels": 5}, "ViTForImageClassification", 12, ("classifier",),
                  {"classifier": EXCLUDED.format("classifier")}, inputs="image"),
    "dinov2": Family(
        "Dinov2Config", {**VIT, "mlp_ratio": 2, "use_swiglu_ffn": True}, "Dinov2Model", 14 if V5 else 12, inputs="image",
        outputs=STATE,
    ),
    "swin": Family(
        "SwinConfig", {"image_size": 16, "patch_size": 2, "embed_dim": 16, "depths": [2, 1], "num_heads": [2, 4],
                       "window_size": 4, "mlp_ratio": 2.0},
        "SwinModel", 19, inputs="image", outputs=("last_hidden_state", "pooler_output"),
    ),
    "clip": Family(
        "CLIPConfig", {"text_config": CLIP_TEXT, "vision_config": {**VIT, "projection_dim": 24}, "projection_dim": 24},
        "CLIPModel", 26, inputs="image+text", outputs=("image_embeds", "text_embeds", "logits_per_image"),
    ),
    "clip_text": Family("CLIPTextConfig", CLIP_TEXT, "CLIPTextModel", 12, inputs="padded",
                        outputs=("last_hidden_state", "pooler_output")),
    "clip_vision": Family("CLIPVisionConfig", VIT, "CLIPVisionModelWithProjection", 13, inputs="image",
                          outputs=("image_embeds", "last_hidden_state")),
    "siglip_vision": Family(
        "SiglipVisionConfig", VIT, "SiglipVisionModel", 14, inputs="image", outputs=("last_hidden_state", "pooler_output"),
        left_alone={
            ("" if V5 else "vision_model.") + "head.attention.out_proj":
            "nn.MultiheadAttention reads its weight instead of calling it"
        },
    ),
    # speech
    "wav2vec2": Family(
        "Wav2Vec2Config", {
            "vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 52,
            "conv_dim": [16, 16, 16], "conv_kernel": [10, 3, 3], "conv_stride": [5, 2, 2], "feat_extract_norm": "layer",
            "do_stable_layer_norm": True, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4,
        }, "Wav2Vec2ForCTC", 13, ("lm_head",), {"lm_head": EXCLUDED.format("lm_head")}, inputs="sound",
    ),
    "whisper": Family(
        "WhisperConfig", {
            "vocab_size": VOCABULARY, "num_mel_bins": 8, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
            "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 52, "decoder_ffn_dim": 44,
            "max_source_positions": 12, "max_target_positions": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
            "decoder_start_token_id": 3, "suppress_tokens": None, "begin_suppress_tokens": None,
        }, "WhisperForConditionalGeneration", 32, inputs="spectrum", generates=True,
        left_alone={"proj_out": TIED.format("model.decoder.embed_tokens.weight")},
    ),
}  # fmt: skip
