"""Which subclasses of nn.Linear compute what nn.Linear computes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from w8a16.linear_like import is_head, is_router, why_not_linear


class Same(nn.Linear):
    pass


class Product(nn.Linear):  # Falcon's
    def forward(self, input):
        hidden = input @ self.weight.T
        return hidden if self.bias is None else hidden + self.bias


class Functional(nn.Linear):
    def forward(self, x, unused=None):
        return F.linear(x, self.weight, bias=self.bias)


class BiasApart(nn.Linear):
    def forward(self, x):
        y = torch.matmul(x, self.weight.transpose(0, 1))
        if self.bias is not None:
            y = torch.add(self.bias, y)
        return y


class Parent(nn.Linear):
    def forward(self, x):
        return super().forward(x)


class Activated(nn.Linear):
    def forward(self, x):
        return F.relu(super().forward(x))


class Scaled(nn.Linear):
    def forward(self, x):
        return F.linear(x * 2, self.weight, self.bias)


class Dropped(nn.Linear):
    def forward(self, x):
        return F.dropout(super().forward(x), 0.5, self.training)


class NormedWeight(nn.Linear):
    def forward(self, x):
        return F.linear(x, self.weight / self.weight.norm(), self.bias)


class Residual(nn.Linear):
    def forward(self, x):
        return super().forward(x) + x


class BiasTwice(nn.Linear):
    def forward(self, x):
        return super().forward(x) + self.bias if self.bias is not None else super().forward(x) * 1


class BiasForgotten(nn.Linear):
    def forward(self, x):
        return F.linear(x, self.weight) if self.bias is not None else x


class Branching(nn.Linear):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x


class TwoOutputs(nn.Linear):
    def forward(self, x):
        return super().forward(x), None


class Adapted(nn.Linear):  # a product that is nothing until the adapter is trained
    def __init__(self, *sizes, bias=True):
        super().__init__(*sizes, bias=bias)
        self.up = nn.Parameter(torch.zeros(4, 1))

    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [nn.Linear, Same, Product, Functional, BiasApart, Parent])
def test_plain(kind, bias):
    assert why_not_linear(kind(4, 4, bias=bias)) is None


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "kind", [Activated, Scaled, Dropped, NormedWeight, Residual, BiasTwice, BiasForgotten, Branching, TwoOutputs, Adapted]
)
def test_something_else(kind, bias):
    module = kind(4, 4, bias=bias).eval()
    reason = why_not_linear(module)
    assert kind.__name__ in reason
    assert ("computes something else (include_subclasses=True replaces it)" in reason) == (kind is not Adapted)
    assert why_not_linear(module, include_subclasses=True) is None


def test_lazy():
    lazy = nn.LazyLinear(4)
    assert "not initialized yet" in why_not_linear(lazy, include_subclasses=True)
    lazy(torch.randn(1, 3))
    assert why_not_linear(lazy) is None


def test_other_reasons():
    assert "not a linear layer" in why_not_linear(nn.Embedding(3, 3))
    assert "hooks" in why_not_linear(torch.nn.utils.weight_norm(nn.Linear(3, 3)))
    assert "MultiheadAttention" in why_not_linear(nn.MultiheadAttention(4, 1).out_proj)


def test_parametrized_weights_stay():
    layer = torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    assert "parametrizations" in why_not_linear(layer)


def test_dropout_of_training_shows_in_evaluation():
    class Training(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return F.dropout(y, 0.5) if self.training else y

    for module in (Training(4, 4).eval(), Training(4, 4).train()):
        training = module.training
        assert "computes something else" in why_not_linear(module) and module.training == training


def test_a_call_of_its_own():
    class Called(nn.Linear):
        def __call__(self, x):
            return super().__call__(x) / 2

    assert "computes something else" in why_not_linear(Called(4, 4))


def test_only_gpt2_s_conv1d(conv1d):
    class Conv1D(nn.Module):
        def __init__(self, bias=True):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(8, 8))
            self.bias = nn.Parameter(torch.randn(8)) if bias else None

    assert why_not_linear(conv1d(6, 4)) is None
    for module in (Conv1D(), Conv1D(bias=False), nn.Conv1d(3, 3, 1)):
        assert "not a linear layer" in why_not_linear(module)


def test_names_of_heads_and_routers():
    assert is_head("lm_head") and is_head("model.embed_out") and not is_head("lm_head.fc")
    assert is_router("model.layers.0.mlp.gate") and is_router("mlp.shared_expert_gate")
    assert is_router("layers.1.block_sparse_moe.gate") and not is_router("layers.1.mlp.gate_proj")
    assert not is_router("my_mlp.gate")
