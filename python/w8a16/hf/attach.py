"""Models whose layers were replaced after loading: what makes save_pretrained write a checkpoint of them."""

from typing import Any

from transformers import PreTrainedModel

from ..layer import W8A16LinearLayer
from . import scheme
from .config import W8A16Config
from .quantizer import W8A16HfQuantizer


def attach(model: Any) -> None:
    """Brings what save_pretrained asks for up to date, for the transformers models at and below ``model``.

    Those that hold W8A16LinearLayers save a quantized checkpoint from then on; those that were ours and hold none any more
    save a float one. A model that transformers quantized by another method is left alone (it will say whether it can be
    saved). May be called again.
    """
    for module in model.modules():
        if not isinstance(module, PreTrainedModel):
            continue
        quantizer = getattr(module, "hf_quantizer", None)
        quantized = any(isinstance(layer, W8A16LinearLayer) for layer in module.modules())
        if isinstance(quantizer, W8A16HfQuantizer):
            if quantized:
                quantizer.describe(module)
            else:
                quantizer.remove_quantization_config(module)
        elif quantizer is None and quantized:
            made = W8A16HfQuantizer(W8A16Config(checkpoint=scheme.describe([])))
            setattr(module, "hf_quantizer", made)
            made.describe(module)
