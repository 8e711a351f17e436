"""Models whose layers were replaced after loading: what makes save_pretrained write a checkpoint of them."""

from typing import Any

from transformers import PreTrainedModel

from ..layer import W8A16LinearLayer
from . import scheme
from .config import W8A16Config
from .quantizer import W8A16HfQuantizer


def attach(model: Any) -> None:
    """Gives the transformers models at and below ``model`` that hold W8A16LinearLayers what save_pretrained asks for.

    Others are left alone, and so is a model that transformers quantized by another method (it will say whether it can be
    saved). May be called again.
    """
    for module in model.modules():
        if not isinstance(module, PreTrainedModel) or getattr(module, "hf_quantizer", None) is not None:
            continue
        if not any(isinstance(layer, W8A16LinearLayer) for layer in module.modules()):
            continue
        config = W8A16Config(checkpoint=scheme.describe([]))
        module.hf_quantizer = W8A16HfQuantizer(config, pre_quantized=True)
        module.hf_quantizer.describe(module)


def detach(model: Any) -> None:
    """The way back, for models that have no W8A16LinearLayer any more."""
    for module in model.modules():
        quantizer = getattr(module, "hf_quantizer", None)
        if isinstance(module, PreTrainedModel) and isinstance(quantizer, W8A16HfQuantizer):
            quantizer.remove_quantization_config(module)
