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
    # Models above others come last: parts share the config of the whole (LlamaForCausalLM and its .model), and it has to speak
    # of the whole. That of a part is in its own quantizer, for the time in which the part is saved.
    for module in reversed(list(model.modules())):
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


def detach_parts(model: Any) -> None:
    """Makes transformers forget the quantizers of the models below ``model``, which no longer have quantized layers."""
    for module in model.modules():
        if module is not model and isinstance(getattr(module, "hf_quantizer", None), W8A16HfQuantizer):
            del module.hf_quantizer
            module.is_quantized = False
            if module.config is not model.config and hasattr(module.config, "quantization_config"):
                del module.config.quantization_config
