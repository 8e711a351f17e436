"""8-bit weights, 16-bit activations for the linear layers of PyTorch models.

    from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize

    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])

With transformers:

    from w8a16 import W8A16Config

    model = AutoModelForCausalLM.from_pretrained(NAME, quantization_config=W8A16Config())

Importing the package registers the operators ``torch.ops.w8a16.linear`` and ``torch.ops.w8a16.quantize``.
"""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

from .layer import W8A16LinearLayer
from .operators import linear, quantize
from .replace import (
    ReplacementSummary,
    dequantize,
    replace_linear_with_target,
    replace_linear_with_target_and_quantize,
)

if TYPE_CHECKING:
    from .hf import W8A16Config as W8A16Config
    from .hf import from_pretrained as from_pretrained

__version__ = _version("w8a16")
# Without W8A16Config and from_pretrained: they need transformers, which `import *` must not.
__all__ = [
    "ReplacementSummary",
    "W8A16LinearLayer",
    "dequantize",
    "linear",
    "quantize",
    "replace_linear_with_target",
    "replace_linear_with_target_and_quantize",
]


def __getattr__(name: str) -> Any:
    # What needs transformers is imported when it is asked for.
    if name in ("W8A16Config", "from_pretrained"):
        try:
            from . import hf
        except ModuleNotFoundError as error:
            if error.name != "transformers":
                raise
            raise ImportError(f"w8a16.{name} needs transformers, 4.56 or later: pip install 'w8a16[transformers]'") from error
        return getattr(hf, name)
    raise AttributeError(f"module 'w8a16' has no attribute {name!r}")
