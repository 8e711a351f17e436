"""What transformers calls while it loads and saves a model: both major versions, where they agree."""

import logging
from typing import Any, Dict, List, Optional, Sequence, Set

import transformers
from torch import Tensor, nn
from transformers.quantizers.base import HfQuantizer

from .. import layout, linear_like, quantize
from ..layer import W8A16LinearLayer
from ..tree import put_dequantized
from . import headers, pending, scheme, selection
from .config import W8A16Config, of_checkpoint
from .memory import FreedMemory
from .saving import float_layers, state_dict_as_stored
from .versions import Aliases, LoadingHooks, stored_keys

logger = logging.getLogger(__name__)


class W8A16HfQuantizer(LoadingHooks, HfQuantizer):
    """Quantizes a float checkpoint while it loads, or loads a quantized one into the same layers.

    Either way a layer of the model is replaced at the moment when its tensors have come.
    """

    requires_calibration = False
    quantization_config: W8A16Config

    def __init__(self, quantization_config: Any, **kwargs: Any) -> None:
        super().__init__(of_checkpoint(quantization_config), **kwargs)
        checkpoint = self.quantization_config.checkpoint
        self.pre_quantized = checkpoint is not None
        self.scheme: Optional[scheme.Scheme] = scheme.read(checkpoint) if checkpoint is not None else None
        self.to_quantize: Set[str] = set()
        self.headers: Dict[str, headers.Header] = {}
        self.freed = FreedMemory()

    # before

    def _process_model_before_weight_loading(self, model: nn.Module, **kwargs: Any) -> nn.Module:
        self.separate_experts(model)
        aliases = Aliases(model)
        if self.scheme is None:
            self._select(model, aliases)
        else:
            files = kwargs.get("checkpoint_files") or headers.locate(*_origin(model))
            self.headers = headers.read(files)
            headers.require_whole_layers(self.headers)
            self._put_pending(model, self.scheme, aliases)
        return model

    def _select(self, model: nn.Module, aliases: Aliases) -> None:
        options = self.quantization_config
        selected = selection.select(model, options.ignore, options.default_ignore, aliases)
        self.to_quantize = set(selected.quantized)
        fused = linear_like.fused_weights(model)
        if fused:
            logger.warning(
                "w8a16: %s and %d more tensors stay float: transformers keeps experts in one tensor there, in a form that is not "
                "known. The command `w8a16 quantize` may quantize them", fused[0], len(fused) - 1
            )  # fmt: skip
        if not selected.quantized:
            logger.warning("w8a16: the model has no linear layer to quantize: everything stays float")

    def _put_pending(self, model: nn.Module, checkpoint: scheme.Scheme, aliases: Aliases) -> None:
        own = selection.Ignored(self.quantization_config.ignore, aliases)
        theirs = selection.Ignored(checkpoint.ignore, aliases)
        targets = selection.Ignored(checkpoint.targets, aliases)
        tied = selection.tied_layers(model)
        self._require_separate_experts(model)
        layers: List[str] = []
        for name, module in selection.linear_layers(model):
            unwanted = own.reason(name)
            if theirs.reason(name) or name in tied:
                continue
            classes = {base.__name__ for base in type(module).__mro__}
            targeted = classes.intersection(checkpoint.targets) or targets.reason(name)
            # The command stores Conv1D, too, which others' target "Linear" does not select: the files decide.
            if not targeted and not (linear_like.is_conv1d(module) and self._is_stored_quantized(aliases(name))):
                continue
            if unwanted:
                raise selection.IgnoreError(
                    f"W8A16Config: ignore: the layer {name} ({unwanted}) is quantized in the checkpoint; it cannot be float "
                    "again without what quantization took. Load the original model, or leave the name out"
                )
            layers.append(name)
        own.require_all_matched(model)
        for name in layers:
            pending.put_pending(model, name, checkpoint.format, self.plain_weight_dtype)

    def _require_separate_experts(self, model: nn.Module) -> None:
        fused = [name for name in linear_like.fused_weights(model) if "experts" in name.split(".")]
        if fused and any(".experts." in key and key.endswith(".weight_scale") for key in self.headers):
            raise scheme.UnsupportedCheckpointError(
                f"{fused[0]}: the checkpoint's experts are quantized one by one, but this version of transformers keeps them as one "
                "tensor, in a form that is not known; use transformers 4"
            )

    def _is_stored_quantized(self, names: Sequence[str]) -> bool:
        # A base model's checkpoint has names without the prefix that they have in a model with a head.
        return any(
            f".{name}.weight_scale".endswith(f".{key}") or f".{key}".endswith(f".{name}.weight_scale")
            for name in names
            for key in self.headers
        )

    # a layer's tensors have come

    def quantized_layer(self, model: nn.Module, name: str, weight: Tensor) -> nn.Module:
        """Quantizes the float weight, as it lies in the checkpoint, of the layer ``name`` and puts the layer in place."""
        self.freed.add(weight.numel() * weight.element_size())
        module: Any = model.get_submodule(name)
        matrix = pending.float_weight(module, weight)
        if tuple(matrix.shape) != pending.linear_shape(module):
            raise layout.LayoutError(
                f"{name}.weight has shape {list(weight.shape)} in the checkpoint; the model's layer needs "
                f"{list(module.weight.shape)}"
            )
        try:
            int8_weights, scales = quantize(matrix)
        except (RuntimeError, ValueError, TypeError) as error:
            raise type(error)(f"{name}.weight: {error}") from error
        return pending.put_quantized(model, name, int8_weights, scales, self.quantization_config.activation_bits)

    def stored_layer(self, model: nn.Module, name: str, parts: Dict[str, Tensor], in_place: bool) -> nn.Module:
        """Puts the layer ``name`` of a quantized checkpoint in place, from its tensors."""
        int8_weights, scales = layout.unpack(parts, self._text(name), in_place=in_place)
        return pending.put_quantized(model, name, int8_weights, scales, self.quantization_config.activation_bits)

    def _text(self, name: str) -> str:
        header = self.headers.get(f"{name}.weight_packed") or self.headers.get(f"{name}.weight")
        return f"{header.file}: {name}" if header else name

    # after

    def _process_model_after_weight_loading(self, model: Any, **kwargs: Any) -> Any:
        self.raise_kept_error()
        pending.require_none_pending(model)
        self._require_quantized(model)
        for module in model.modules():
            if isinstance(module, W8A16LinearLayer) and module.bias is not None:
                module.bias.requires_grad_(False)
        self.describe(model)
        self.headers = {}
        return model

    def _require_quantized(self, model: nn.Module) -> None:
        """That a version of transformers does not call us must not leave a float model in silence."""
        if self.to_quantize and not any(isinstance(module, W8A16LinearLayer) for module in model.modules()):
            raise RuntimeError(
                f"w8a16: none of {len(self.to_quantize)} layers was quantized: the checkpoint has no weights for them, or "
                f"transformers {transformers.__version__} hands them over in a way that is not known (4.56 to 5.24 are)"
            )

    def describe(self, model: Any) -> None:
        """Makes config.json say what the model is now."""
        self.quantization_config.float_layers = float_layers(model, stored_keys)
        model.config.quantization_config = self.quantization_config

    def stored_state_dict(self, model: Any) -> Dict[str, Tensor]:
        """What save_pretrained writes; also brings the list of float layers for config.json up to date."""
        self.describe(model)
        return state_dict_as_stored(model)

    def _dequantize(self, model: Any, dtype: Any = None) -> Any:
        put_dequantized(model)
        return model if dtype is None else model.to(dtype)

    def is_serializable(self, safe_serialization: Any = None) -> bool:
        return True

    @property
    def is_trainable(self) -> bool:
        return True

    @property
    def is_compileable(self) -> bool:
        return True


def _origin(model: Any) -> "tuple[Optional[str], Optional[str]]":
    return getattr(model.config, "name_or_path", None), getattr(model.config, "_commit_hash", None)
