"""transformers models with 8-bit weights: quantized while they load, loaded from quantized checkpoints, saved as such.

Importing this package registers the method with transformers (4.56 or later).
"""

from transformers.quantizers.auto import register_quantization_config, register_quantizer

from ..layout import LayoutError
from .attach import attach
from .config import METHOD, W8A16Config
from .loading import from_pretrained
from .quantizer import W8A16HfQuantizer
from .scheme import UnsupportedCheckpointError
from .selection import IgnoreError

register_quantization_config(METHOD)(W8A16Config)
register_quantizer(METHOD)(W8A16HfQuantizer)

__all__ = [
    "IgnoreError",
    "LayoutError",
    "UnsupportedCheckpointError",
    "W8A16Config",
    "W8A16HfQuantizer",
    "attach",
    "from_pretrained",
]
