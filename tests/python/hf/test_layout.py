"""Tensors of a layer on disk; needs no transformers."""

import pytest
import torch

from w8a16 import layout


def test_the_bytes_of_the_format():
    parts = layout.pack(torch.tensor([[127, -64, 0, 2, -127]], dtype=torch.int8), torch.ones(1))
    assert [word & 0xFFFFFFFF for word in parts["weight_packed"][0].tolist()] == [0x828040FF, 0x00000001]
    assert parts["weight_scale"].shape == (1, 1) and parts["weight_shape"].tolist() == [1, 5]


@pytest.mark.parametrize("columns", [0, 1, 3, 4, 7, 64])
@pytest.mark.parametrize("in_place", [False, True])
def test_there_and_back(columns, in_place):
    q = torch.randint(-128, 128, (3, columns), dtype=torch.int8)
    parts = layout.pack(q, torch.full((3,), 0.5, dtype=torch.bfloat16))
    before = parts["weight_packed"].clone()
    int8_weights, scales = layout.unpack(parts, "x", in_place=in_place)
    assert torch.equal(int8_weights, q) and scales.shape == (3,) and scales.dtype == torch.bfloat16
    assert in_place or torch.equal(parts["weight_packed"], before)
    if in_place and columns % 4 == 0:
        assert int8_weights.data_ptr() == parts["weight_packed"].data_ptr()


def test_plain_form_is_not_copied():
    q = torch.ones((2, 3), dtype=torch.int8)
    int8_weights, scales = layout.unpack({"weight": q, "weight_scale": torch.ones(2)}, "x")
    assert int8_weights.data_ptr() == q.data_ptr() and scales.shape == (2,)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"weight_scale": None}, "weight_scale is missing"),
        ({"weight_shape": None}, "weight_shape is missing"),
        ({"weight_packed": None}, "neither weight_packed nor weight"),
        ({"weight": torch.ones((3, 6), dtype=torch.int8)}, "both weight and weight_packed"),
        ({"weight_shape": torch.tensor([3, 9])}, r"needs weight_packed \[3, 3\]"),
        ({"weight_shape": torch.tensor([2, 6])}, r"says \[2, 6\]"),
        ({"weight_shape": torch.ones(2)}, "must be int64"),
        ({"weight_packed": torch.ones((3, 2))}, "must be int32"),
        ({"weight_scale": torch.ones((3, 2))}, "groups along the input channels"),
        ({"weight_scale": torch.ones(4)}, r"must be \[3, 1\] or \[3\]"),
        ({"weight_scale": torch.ones((3, 1), dtype=torch.float64)}, "float32, bfloat16 or float16"),
        ({"weight_scale": torch.tensor([1.0, 0.0, 1.0])}, "row 1 is 0.0"),
        ({"weight_scale": torch.tensor([1.0, 1.0, -2.0])}, "row 2 is -2.0"),
        ({"weight_scale": torch.tensor([float("nan"), 1.0, 1.0])}, "row 0 is nan"),
        ({"weight_scale": torch.tensor([float("inf"), 1.0, 1.0])}, "row 0 is inf"),
        ({"weight_zero_point": torch.zeros(3)}, "zero points"),
        ({"input_scale": torch.ones(1)}, "input activations"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    parts = layout.pack(torch.ones((3, 6), dtype=torch.int8), torch.ones(3))
    parts = {suffix: tensor for suffix, tensor in {**parts, **change}.items() if tensor is not None}
    with pytest.raises(layout.LayoutError, match=f"the layer.*{message}"):
        layout.unpack(parts, "the layer")
