"""What transformers calls while it loads and saves a model: both major versions, where they agree."""

import logging
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

import transformers
from torch import Tensor, nn
from transformers.quantizers.base import HfQuantizer

from .. import layout, linear_like, quantize
from ..layer import W8A16LinearLayer
from ..tree import put_dequantized
from . import headers, pending, scheme, selection
from .config import W8A16Config, of_checkpoint
from .memory import FreedMemory
from .saving import StoredState, float_layers, state_dict_as_stored
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
        self.to_quantize: Set[nn.Module] = set()
        self.missing: Set[Tuple[nn.Module, str]] = set()
        self.selected = 0  #: how many were to be quantized
        self.float_reasons: Dict[str, str] = {}  #: of layers that config.json leaves float
        self.headers: Dict[str, headers.Header] = {}
        self.freed = FreedMemory()

    # before

    def _process_model_before_weight_loading(self, model: nn.Module, **kwargs: Any) -> nn.Module:
        self.separate_experts(model)
        aliases = Aliases(model)
        self.names_in_files = aliases.in_files
        files = kwargs.get("checkpoint_files")
        self.headers = headers.read(files or headers.locate(*_origin(model)))
        if self.scheme is None:
            self._select(model, aliases)
        else:
            headers.require_whole_layers(self.headers)
            self._put_pending(model, self.scheme, aliases)
        if files:
            self.require_float_in_files(model, self.headers)
        return model

    def _select(self, model: nn.Module, aliases: Aliases) -> None:
        options = self.quantization_config
        selected = selection.select(model, options.ignore, options.default_ignore, aliases)
        self.to_quantize = {model.get_submodule(name) for name in selected.quantized}
        self.selected = len(self.to_quantize)
        fused = linear_like.fused_weights(model)
        if fused:
            logger.warning(
                "w8a16: %d tensors stay float, the first of them %s: transformers keeps experts in one tensor there, "
                "in a form that is not known. The command `w8a16 quantize` may quantize them",
                len(fused),
                fused[0],
            )
        if not selected.quantized:
            logger.warning("w8a16: the model has no linear layer to quantize: everything stays float")

    def _put_pending(self, model: nn.Module, checkpoint: scheme.Scheme, aliases: Aliases) -> None:
        own = selection.Ignored(self.quantization_config.ignore, aliases)
        theirs = selection.Ignored(checkpoint.ignore, aliases)
        targets = selection.Ignored(checkpoint.targets, aliases)
        tied, heads = selection.tied_layers(model), selection.output_heads(model)
        shared = selection.shared_layers(model)
        self._require_separate_experts(model)
        layers: List[str] = []
        for name, module in selection.linear_layers(model):
            unwanted = own.reason(name)
            ignored = theirs.reason(name)
            if ignored or name in tied:
                self.float_reasons[name] = f'has it in "ignore" ({ignored})'
                continue
            if module in shared:
                self.float_reasons[name] = "cannot be followed: it is in several places of the model at once"
                continue
            classes = {base.__name__ for base in type(module).__mro__}
            targeted = classes.intersection(checkpoint.targets) or targets.reason(name)
            # The command stores Conv1D, too, which others' target "Linear" does not select: the files decide.
            if not targeted and not (linear_like.is_conv1d(module) and self._stored(name, quantized=True)):
                self.float_reasons[name] = f"has targets that do not cover it ({', '.join(checkpoint.targets)})"
                continue
            new_head = (name in heads or selection.is_head(name)) and not self._stored(name)
            if self.headers and (new_head or (unwanted and not self._stored(name, quantized=True))):
                continue  # a head for another task, which transformers initializes
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
                f"{fused[0]}: the checkpoint's experts are quantized one by one, but this version of transformers keeps "
                "them as one tensor, in a form that is not known; use transformers 4"
            )

    def _stored(self, name: str, quantized: bool = False) -> Optional[headers.Header]:
        """The header of a tensor of the layer ``name`` in the checkpoint's files, if they have any (of a quantized one)."""
        suffixes = ("weight_packed", "weight_scale") + (() if quantized else ("weight", "bias"))
        keys = [f"{entry}.{suffix}" for entry in self.names_in_files(name) for suffix in suffixes]
        return next((self.headers[key] for key in keys if key in self.headers), None)

    def require_float_in_files(self, model: nn.Module, keys: Iterable[str]) -> None:
        """Raises layout.LayoutError for a layer that would stay float, or be quantized, but has 8-bit weights in the files.

        ``keys``: names of the checkpoint's tensors, in the model or in the files.
        """
        stored = {key.rpartition(".")[0]: key for key in keys if headers.is_quantized(key, self.headers)}
        if not stored:
            return
        tied = selection.tied_layers(model)
        for name, module in model.named_modules():
            own = module._parameters  # a module's class may have a weight_scale of its own
            if "weight" not in own or "weight_scale" in own or name in tied or isinstance(module, pending.PendingLayer):
                continue
            found = next((stored[entry] for entry in self.names_in_files(name) if entry in stored), None)
            if found is not None:
                file = self._stored(name, quantized=True)
                reason = self.float_reasons.get(name, "does not have it among the quantized layers")
                says = "config.json has no quantization_config" if self.scheme is None else f"its quantization_config {reason}"
                where = f"{file.file}: " if file else ""
                raise layout.LayoutError(f"{where}tensor {found}: the checkpoint has the layer {name} quantized, but {says}")

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
        return self._put(model, name, int8_weights, scales)

    def stored_layer(self, model: nn.Module, name: str, parts: Dict[str, Tensor], in_place: bool) -> nn.Module:
        """Puts the layer ``name`` of a quantized checkpoint in place, from its tensors."""
        int8_weights, scales = layout.unpack(parts, self._text(name), in_place=in_place)
        return self._put(model, name, int8_weights, scales)

    def _put(self, model: nn.Module, name: str, int8_weights: Tensor, scales: Tensor) -> nn.Module:
        old = model.get_submodule(name)
        new = pending.put_quantized(model, name, int8_weights, scales, self.quantization_config.activation_bits)
        self.to_quantize.discard(old)
        if (old, "bias") in self.missing:
            self.missing.add((new, "bias"))
        return new

    def _text(self, name: str) -> str:
        header = self._stored(name)
        return f"{header.file}: {name}" if header else name

    # after

    def _process_model_after_weight_loading(self, model: Any, **kwargs: Any) -> Any:
        from .attach import attach

        self.raise_kept_error()
        pending.require_none_pending(model)
        self._require_quantized(model)
        for name, module in model.named_modules():
            if isinstance(module, W8A16LinearLayer) and module.bias is not None:
                module.bias.requires_grad_(False)
                if self.lacks_bias(name, module):
                    self._set_missing_bias(name, module.bias)
        model.hf_quantizer = self
        attach(model)  # models that are parts of this one can be saved alone
        self.headers, self.to_quantize, self.missing = {}, set(), set()
        del self.names_in_files
        return model

    def _set_missing_bias(self, name: str, bias: Tensor) -> None:
        # transformers does not know the layer in whose place ours is, and leaves memory as it found it.
        if self.scheme is not None:
            raise layout.LayoutError(f"{self._text(name)}.bias is missing, which the model's layer has (is config.json right?)")
        bias.zero_()

    def _require_quantized(self, model: nn.Module) -> None:
        """That a version of transformers does not call us must not leave a float model in silence."""
        if self.selected and not any(isinstance(module, W8A16LinearLayer) for module in model.modules()):
            raise RuntimeError(
                f"w8a16: none of {self.selected} layers was quantized: the checkpoint has no weights for them, or "
                f"transformers {transformers.__version__} hands them over in a way that is not known (4.56 to 5.24 are)"
            )

    def describe(self, model: Any) -> None:
        """Makes config.json say what the model is now."""
        self.quantization_config.float_layers = float_layers(model, stored_keys)
        model.config.quantization_config = self.quantization_config

    def stored_state_dict(self, model: Any) -> Dict[str, Tensor]:
        """What save_pretrained writes; also brings the list of float layers for config.json up to date, for as long as the
        result is in use: transformers writes config.json next, and another model may share this one's config."""
        config, before = model.config, getattr(model.config, "quantization_config", None)
        self.describe(model)
        return StoredState(state_dict_as_stored(model), lambda: setattr(config, "quantization_config", before))

    def _dequantize(self, model: Any, dtype: Any = None) -> Any:
        from .attach import detach_parts

        put_dequantized(model)
        detach_parts(model)
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
