"""The compiled part (python/native/native.cc): the W8A16 layer on addresses. dtypes are 0 float32, 1 bfloat16, 2 float16."""

from typing import Optional

def linear(
    threads: int,
    activation_bits: int,
    x: int,
    dtype: int,
    rows: int,
    x_stride: int,
    y: int,
    int8_weights: int,
    out_features: int,
    in_features: int,
    row_stride: int,
    scales: int,
    scale_dtype: int,
    bias: int,
    bias_dtype: int,
    /,
) -> None: ...
def quantize(
    threads: int,
    weights: int,
    dtype: int,
    rows: int,
    cols: int,
    stride: int,
    first_row: int,
    int8_weights: int,
    scales: int,
    /,
) -> None: ...
def isa() -> str: ...
def openmp_library() -> Optional[str]: ...
