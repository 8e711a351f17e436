"""8-bit weights, 16-bit activations for the linear layers of PyTorch models.

    from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize

    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])

Importing the package registers the operators ``torch.ops.w8a16.linear`` and ``torch.ops.w8a16.quantize``.
"""

from ._library import linear, quantize
from .layer import W8A16LinearLayer
from .replace import (
    ReplacementSummary,
    replace_linear_with_target,
    replace_linear_with_target_and_quantize,
)

__version__ = "0.1.0"
__all__ = [
    "ReplacementSummary",
    "W8A16LinearLayer",
    "linear",
    "quantize",
    "replace_linear_with_target",
    "replace_linear_with_target_and_quantize",
]
