"""Writes a model as a Hugging Face directory, without the transformers or safetensors packages."""

import dataclasses
import json
import os
import struct

import torch


def write_safetensors(path, tensors):
    """`tensors`: name -> tensor, written as bfloat16 (8-byte header length, JSON header, then the bytes)."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        half = tensors[name].detach().cpu().to(torch.bfloat16).contiguous()
        blob = half.view(torch.int16).numpy().astype("<i2").tobytes()
        header[name] = {"dtype": "BF16", "shape": list(half.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_json(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=True)
        file.write("\n")


def write_directory(directory, model, tokenizer, held_back):
    """config.json, generation_config.json, tokenizer files, model.safetensors, held_back.json."""
    os.makedirs(directory, exist_ok=True)
    shape = dataclasses.asdict(model.shape)
    ids = {"bos_token_id": tokenizer.bos, "eos_token_id": tokenizer.eos}
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", **shape, **ids,
        "head_dim": model.shape.head_dim, "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "attention_dropout": 0.0, "initializer_range": 0.02, "pretraining_tp": 1, "rope_scaling": None,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True,
    }
    write_json(os.path.join(directory, "config.json"), config)
    write_json(os.path.join(directory, "generation_config.json"), {**ids, "do_sample": False})
    special = {"bos_token": tokenizer.tokens[tokenizer.bos], "eos_token": tokenizer.tokens[tokenizer.eos]}
    write_json(os.path.join(directory, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", **special, "clean_up_tokenization_spaces": False,
        "model_max_length": model.shape.max_position_embeddings,
    })
    tokenizer.save(os.path.join(directory, "tokenizer.json"))
    write_safetensors(os.path.join(directory, "model.safetensors"), dict(model.named_parameters()))
    write_json(os.path.join(directory, "held_back.json"), held_back)
