"""Layers inside wrappers that move, shard or swap their parameters."""

import copy
import os

import pytest
import torch
from torch import nn

from w8a16 import replace_linear_with_target_and_quantize


@pytest.fixture
def model():
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8)).eval()
    replace_linear_with_target_and_quantize(model)
    return model


@pytest.mark.parametrize("where", ["cpu", "disk"])
def test_offloaded(where, model, tmp_path):
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    x = torch.randn(3, 16)
    moved = copy.deepcopy(model)
    if where == "cpu":
        accelerate.cpu_offload(moved, torch.device("cpu"))
    else:
        accelerate.disk_offload(moved, str(tmp_path), torch.device("cpu"))
    assert moved[0].int8_weights.is_meta
    assert torch.equal(moved(x), model(x)) and moved[0].int8_weights.is_meta


def test_sharded(model):
    distributed = torch.distributed
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    x = torch.randn(3, 16)
    expected = model(x)
    store = distributed.HashStore()
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = distributed.device_mesh.init_device_mesh("cpu", (1,))
        for layer in (model[0], model[2], model):
            fully_shard(layer, mesh=mesh)
        assert isinstance(model[0].int8_weights, DTensor)
        assert torch.equal(model(x), expected)
    finally:
        distributed.destroy_process_group()


def test_functional_call(model):
    x = torch.randn(3, 16)
    parameters = {name: parameter.clone() for name, parameter in model.named_parameters()}
    parameters["2.bias"] += 1
    assert torch.allclose(torch.func.functional_call(model, parameters, (x,)), model(x) + 1)


def test_parametrized_bias(model):
    class Doubled(nn.Module):
        def forward(self, x):
            return 2 * x

    layer = model[2]
    x = torch.randn(3, 32)
    expected = layer(x) + layer.bias
    torch.nn.utils.parametrize.register_parametrization(layer, "bias", Doubled())
    assert torch.allclose(layer(x), expected)


@pytest.mark.skipif("fork" not in __import__("multiprocessing").get_all_start_methods(), reason="no fork here")
def test_in_a_forked_worker(model):
    x = torch.randn(3, 16)
    expected = model(x)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(1)
            os.write(write, b"1" if torch.equal(model(x), expected) else b"0")
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"1"
    os.waitpid(child, 0)
