import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

transformers = pytest.importorskip("transformers", minversion="4.56", reason="transformers 4.56 or later is not installed")

from safetensors.torch import load_file  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "models" / "demo"
GOLDENS = ROOT.parent / "shared" / "goldens"
COMMAND = Path(os.environ.get("W8A16_BINARY_DIR", ROOT / "build")) / "w8a16"


@pytest.fixture(autouse=True, scope="session")
def quiet():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="session")
def command():
    """Runs the command w8a16 and returns what it prints."""
    if not COMMAND.is_file():
        pytest.skip(f"{COMMAND} is not built (W8A16_BINARY_DIR says where it is)")

    def run(*arguments):
        result = subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr + result.stdout
        return result.stdout

    return run


CONFIGS = {
    # Sizes that are no multiples of 4, biases, heads of every kind.
    "llama": lambda: transformers.LlamaConfig(
        hidden_size=64, intermediate_size=146, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, vocab_size=160, bos_token_id=1, eos_token_id=2, pad_token_id=0, attention_bias=True,
    ),
    "tied": lambda: transformers.LlamaConfig(
        hidden_size=64, intermediate_size=144, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, vocab_size=160, tie_word_embeddings=True,
    ),
    "gpt2": lambda: transformers.GPT2Config(n_embd=48, n_layer=2, n_head=4, vocab_size=160, n_positions=64),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(
        hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, vocab_size=160,
        tie_word_embeddings=False, rotary_pct=0.5,
    ),
    "falcon": lambda: transformers.FalconConfig(
        hidden_size=48, num_hidden_layers=2, num_attention_heads=4, vocab_size=160, bias=True, alibi=False
    ),
    "mixtral": lambda: transformers.MixtralConfig(
        hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=160, num_local_experts=4, num_experts_per_tok=2, max_position_embeddings=64,
    ),
    "qwen2_moe": lambda: transformers.Qwen2MoeConfig(
        hidden_size=32, intermediate_size=56, moe_intermediate_size=24, shared_expert_intermediate_size=40,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=160, num_experts=4,
        num_experts_per_tok=2, max_position_embeddings=64,
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """checkpoint(family, dtype, **save_options): the directory of a random float checkpoint."""
    made = {}

    def make(family="llama", dtype=torch.float32, **options):
        key = (family, dtype, tuple(options.items()))
        if key not in made:
            torch.manual_seed(0)
            made[key] = tmp_path_factory.mktemp(family)
            model = transformers.AutoModelForCausalLM.from_config(CONFIGS[family]())
            for name, parameter in model.named_parameters():
                if name.endswith("bias"):  # zeros say nothing
                    torch.nn.init.normal_(parameter, std=0.1)
            model.to(dtype).save_pretrained(made[key], **options)
        return made[key]

    return make


@pytest.fixture(scope="session")
def quantized(command, checkpoint, tmp_path_factory):
    """quantized(family, dtype, *options): the directory of what the command makes of checkpoint(family, dtype)."""
    made = {}

    def make(family="llama", dtype=torch.float32, *options):
        key = (family, dtype, options)
        if key not in made:
            made[key] = tmp_path_factory.mktemp(family) / "quantized"
            command("quantize", checkpoint(family, dtype), made[key], *options)
        return made[key]

    return make


@pytest.fixture
def ids():
    return torch.tensor([[1, 17, 93, 5, 44, 120, 3]])


def tensors(directory):
    """All tensors of a checkpoint, whatever its shards."""
    found = {}
    for file in sorted(Path(directory).glob("*.safetensors")):
        found.update(load_file(file))
    return found


def settings(directory):
    return json.loads((Path(directory) / "config.json").read_text())["quantization_config"]


def assert_same_checkpoint(directory, other):
    ours, theirs = tensors(directory), tensors(other)
    assert sorted(ours) == sorted(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name
    assert settings(directory) == settings(other)
