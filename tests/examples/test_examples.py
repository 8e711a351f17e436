"""Every example runs and says what it should."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("W8A16_BINARY_DIR", ROOT / "build")) / "examples"


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def program(name):
    if not (PROGRAMS / name).is_file():
        pytest.skip(f"{PROGRAMS / name} is not built")
    return run(PROGRAMS / name)


@pytest.mark.parametrize("name", ["example_basic_layer", "example_basic_layer_torch"])
def test_basic_layer(name):
    result = program(name)
    assert result.returncode == 0, result.stderr
    for part in ("weights before", "int8 weights", "scales", "weights after", "output"):
        assert part in result.stdout
    error = float(re.search(r"largest error against the float layer: ([\d.e-]+)", result.stdout)[1])
    assert 0 < error < 0.1


def test_quantizer():
    result = run(sys.executable, ROOT / "quantizer.py")
    assert result.returncode == 0, result.stderr
    for part in ("weights before", "int8_weights", "scales", "weights after", "output"):
        assert part in result.stdout
    error = float(re.search(r"largest error of the output, against the float layer: ([\d.e-]+)", result.stdout)[1])
    assert 0 < error < 0.1


def test_dummy_model():
    result = program("example_dummy_model_torch")
    assert result.returncode == 0, result.stderr
    before, after = result.stdout.split("after:")
    assert "W8A16" not in before and "lm_head" in after
    assert "replaced 2 linear layers" in after and "left alone: lm_head" in after
    change = float(re.search(r"relative change of the output: ([\d.e-]+)", after)[1])
    assert 0 < change < 0.05


def test_main_on_the_shipped_model():
    pytest.importorskip("transformers", reason="transformers is not installed")
    result = run(sys.executable, ROOT / "main.py")
    assert result.returncode == 0, result.stderr
    before, after, model = result.stdout.split("Dummy model after")[0], *result.stdout.split("Dummy model after")[1].split("demo before")
    assert "W8A16" not in before and after.count("W8A16LinearLayer") == 2 and "(lm_head): Linear(" in after
    assert 0 < float(re.search(r"relative change of its output: ([\d.e-]+)", after)[1]) < 0.05
    assert "replaced 21 linear layers" in model and "left alone: lm_head" in model
    sizes = [float(size) for size in re.findall(r"([\d.]+) MB, \d+ tokens", model)]
    assert len(sizes) == 2 and sizes[1] < 0.7 * sizes[0]
    assert model.count("Once upon a time") == 2


def test_hugging_face_model(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=128,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: i for i, word in enumerate(["<unk>", "once", "upon", "a", "time"] + [f"w{i}" for i in range(59)])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(tmp_path)
    result = run(sys.executable, ROOT / "main.py", tmp_path, "--prompt", "once upon a time", "--new-tokens", "4")
    assert result.returncode == 0, result.stderr
    assert "replaced 14 linear layers" in result.stdout and "left alone: lm_head" in result.stdout


def test_main_names_a_model_that_is_not_there(tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    result = run(sys.executable, ROOT / "main.py", tmp_path / "none")
    assert result.returncode == 1 and result.stderr.endswith("none: no such directory\n") and not result.stdout
    assert run(sys.executable, ROOT / "main.py", "--new-tokens", "0").returncode == 2
    (tmp_path / "config.json").write_text('{"model_type": "llama", "quantization_config": {"quant_method": "compressed-tensors"}}')
    result = run(sys.executable, ROOT / "main.py", tmp_path)
    assert result.returncode == 1 and "is quantized already" in result.stderr and "Traceback" not in result.stderr


def test_says_what_to_install_without_transformers():
    try:
        import transformers  # noqa: F401
    except ImportError:
        result = run(sys.executable, ROOT / "main.py")
        assert result.returncode == 1 and "pip install transformers" in result.stderr
    else:
        pytest.skip("transformers is installed")
