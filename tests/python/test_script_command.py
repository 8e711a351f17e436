"""The command w8a16-torch on models that Python scripted or traced."""

import os
import subprocess
from pathlib import Path

import pytest
import torch

from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize

COMMAND = Path(os.environ.get("W8A16_BINARY_DIR", ".")) / "w8a16-torch"
pytestmark = pytest.mark.skipif(not COMMAND.is_file(), reason=f"{COMMAND} is not built")


def run(*arguments):
    return subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("make", [torch.jit.script, lambda model: torch.jit.trace(model, torch.arange(3))])
def test_same_bits_as_replacement_in_python(make, dummy, tmp_path):
    model = dummy().eval()
    make(model).save(str(tmp_path / "in.pt"))
    result = run("quantize", tmp_path / "in.pt", tmp_path / "out.pt", "--ignore", "blocks.1.0")
    assert result.returncode == 0, result.stderr
    assert "replaced 3 linear layers" in result.stdout and "left alone: blocks.1.0" in result.stdout
    loaded = torch.jit.load(str(tmp_path / "out.pt"))
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head", "blocks.1.0"])
    ids = torch.arange(7)
    assert torch.equal(loaded(ids), model(ids))
    assert os.path.getsize(tmp_path / "out.pt") > 0 and not (tmp_path / "out.pt.partial").exists()
    assert torch.equal(torch.jit.freeze(loaded.eval())(ids), model(ids))


def test_conv1d_and_transformer_blocks(conv1d, tmp_path):
    model = torch.nn.Sequential(conv1d(6, 4), torch.nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)).eval()
    x = torch.randn(2, 3, 4)
    torch.jit.trace(model, x, check_trace=False).save(str(tmp_path / "in.pt"))
    result = run("quantize", tmp_path / "in.pt", tmp_path / "out.pt")
    assert result.returncode == 0, result.stderr
    loaded = torch.jit.load(str(tmp_path / "out.pt"))
    assert (loaded(x) - model(x)).norm() < 0.05 * model(x).norm()


def test_wrong_usage(tmp_path):
    assert run("quantize").returncode == 2
    assert run("quantise", "a", "b").returncode == 2
    assert run("--help").returncode == 0
    result = run("quantize", tmp_path / "none.pt", tmp_path / "out.pt")
    assert result.returncode == 1 and "no such file" in result.stderr
    (tmp_path / "text.pt").write_text("hello")
    result = run("quantize", tmp_path / "text.pt", tmp_path / "out.pt")
    assert result.returncode == 1 and "not a TorchScript file" in result.stderr
    result = run("quantize", tmp_path / "text.pt", tmp_path / "text.pt")
    assert result.returncode == 1 and "one file" in result.stderr
    torch.jit.script(torch.nn.Sequential(torch.nn.ReLU())).save(str(tmp_path / "relu.pt"))
    result = run("quantize", tmp_path / "relu.pt", tmp_path / "out.pt")
    assert result.returncode == 1 and "no linear layers to replace" in result.stderr
    (tmp_path / "out.pt").write_text("mine")
    result = run("quantize", tmp_path / "relu.pt", tmp_path / "out.pt")
    assert result.returncode == 1 and "--force" in result.stderr
    assert (tmp_path / "out.pt").read_text() == "mine"
