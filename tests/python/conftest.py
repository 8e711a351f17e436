import pytest
import torch

import w8a16


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def reference():
    """The layer in float64: reference(x, int8_weights, scales, bias)."""

    def compute(x, int8_weights, scales, bias=None):
        y = torch.nn.functional.linear(x.double(), int8_weights.double()) * scales.double()
        return y if bias is None else y + bias.double()

    return compute


class Conv1D(torch.nn.Module):
    """As transformers' for GPT-2, by which name it goes: weights [in, out]."""

    __module__, __qualname__ = "transformers.pytorch_utils", "Conv1D"

    def __init__(self, out_features, in_features):
        super().__init__()
        self.nf = out_features
        self.weight = torch.nn.Parameter(torch.randn(in_features, out_features))
        self.bias = torch.nn.Parameter(torch.randn(out_features))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], self.nf)


@pytest.fixture
def conv1d():
    return Conv1D


class DummyModel(torch.nn.Module):
    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.embedding = torch.nn.Embedding(20, 8, dtype=dtype)
        self.linear_1 = torch.nn.Linear(8, 16, dtype=dtype)
        self.blocks = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Linear(16, 16, bias=False, dtype=dtype), torch.nn.ReLU()) for _ in range(2)
        )
        self.extras = torch.nn.ModuleDict({"up": torch.nn.Linear(16, 8, dtype=dtype)})
        self.lm_head = torch.nn.Linear(8, 20, bias=False, dtype=dtype)

    def forward(self, ids):
        x = self.linear_1(self.embedding(ids))
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.extras["up"](x))


@pytest.fixture
def dummy():
    return DummyModel


def quantized_layer(in_features=24, out_features=40, dtype=torch.float32, bias=True):
    layer = w8a16.W8A16LinearLayer(in_features, out_features, bias=bias, dtype=dtype)
    layer.quantize(torch.randn(out_features, in_features).to(dtype))
    if bias:
        layer.bias.normal_()
    return layer


@pytest.fixture
def make_layer():
    return quantized_layer
