"""The options of loading through transformers."""

import copy
import json
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

from transformers.utils.quantization_config import CompressedTensorsConfig

from ..names import Exclusion
from . import scheme

METHOD = "w8a16"
_ACTIVATION_BITS = (None, 16, 24)
_OPTIONS = {"ignore", "default_ignore", "activation_bits", "checkpoint", "quant_method"}


class W8A16Config(CompressedTensorsConfig):
    """``AutoModelForCausalLM.from_pretrained(MODEL, quantization_config=W8A16Config(ignore=["lm_head"]))``.

    Args:
        ignore: linear layers that stay float, besides the default ones: full names, last components of names, names of
            modules above them, or ``"re:PATTERN"`` matched against full names from their start. A name that matches
            nothing is an error.
        default_ignore: leave the output head float (``--no-default-ignore`` of the command is False). Tied heads and the
            routers of experts stay float in any case.
        activation_bits: 16 or 24, the width of activations inside the layers; None: 24 for float32, 16 for the others.
            Not a property of the weights: a saved checkpoint does not hold it.

    Saved as ``quantization_config`` of config.json it is what the command writes: a compressed-tensors checkpoint.
    """

    # transformers lets a config pass for a checkpoint that is quantized already only if both classes have one name; the
    # checkpoint's then is CompressedTensorsConfig. What it does next is public: get_loading_attributes().
    def __init__(
        self,
        ignore: Optional[Union[str, Iterable[str]]] = None,
        default_ignore: bool = True,
        activation_bits: Optional[int] = None,
        *,
        checkpoint: Optional[Mapping[str, Any]] = None,
        quant_method: str = METHOD,
    ) -> None:
        """``checkpoint``: the quantization_config of a checkpoint that is quantized already (from_pretrained gives it)."""
        if activation_bits not in _ACTIVATION_BITS:
            raise ValueError(f"W8A16Config: activation_bits is {activation_bits!r}; it must be None, 16 or 24")
        if quant_method != METHOD:
            raise ValueError(f"W8A16Config: quant_method is {quant_method!r}; it must be {METHOD!r}")
        self.quant_method: Any = METHOD
        self.ignore: List[str] = _names(ignore)
        self.default_ignore = bool(default_ignore)
        self.activation_bits = activation_bits
        self.checkpoint = checkpoint
        #: full names of the linear layers that are float in the model at hand; None until it is known
        self.float_layers: Optional[List[str]] = None

    @classmethod
    def from_dict(cls, config_dict: Dict[str, Any], return_unused_kwargs: bool = False, **kwargs: Any) -> Any:
        """Of the options, or of what to_dict gives: the quantization_config of a checkpoint."""
        if config_dict.get("quant_method") == scheme.METHOD:
            config = cls(checkpoint=copy.deepcopy(config_dict))
        else:
            unknown = sorted(set(config_dict) - _OPTIONS)
            if unknown:
                raise ValueError(f"W8A16Config: unknown options: {', '.join(unknown)}; known are {', '.join(sorted(_OPTIONS))}")
            config = cls(**config_dict)
        unused = config.update(**kwargs)
        return (config, unused) if return_unused_kwargs else config

    def to_dict(self) -> Dict[str, Any]:
        """For config.json: what the command writes, with the layers that this model leaves float."""
        if self.float_layers is None and self.checkpoint is not None:
            return copy.deepcopy(dict(self.checkpoint))
        return scheme.describe(self.ignore if self.float_layers is None else self.float_layers)

    def to_diff_dict(self) -> Dict[str, Any]:
        return self.to_dict()

    def get_loading_attributes(self) -> Dict[str, Any]:
        """What transformers copies onto the config of a compressed-tensors checkpoint: our method, and these options."""
        return {"quant_method": METHOD, "w8a16": self}

    def __repr__(self) -> str:
        options = {"ignore": self.ignore, "default_ignore": self.default_ignore, "activation_bits": self.activation_bits}
        return f"W8A16Config {json.dumps(options)}"


def _names(ignore: Any) -> List[str]:
    """Raises TypeError and ValueError for what are no names."""
    names = []
    for name in Exclusion(() if ignore is None else ignore, "W8A16Config: ignore").names:
        if not isinstance(name, str):
            raise TypeError(f"W8A16Config: ignore has {name!r}, which is not a string; write 're:PATTERN'")
        if name in ("", "re:"):
            raise ValueError(f"W8A16Config: ignore has {name!r}, which names nothing ('re:.*' is everything)")
        names.append(name)
    return names


W8A16Config.__name__ = CompressedTensorsConfig.__name__


def of_checkpoint(config: Any) -> W8A16Config:
    """A quantizer's own options, of a config that transformers made: ours, or a checkpoint's with our loading attributes."""
    given: W8A16Config = config if isinstance(config, W8A16Config) else config.w8a16
    checkpoint = given.checkpoint if given is config else config.to_dict()
    return W8A16Config(given.ignore, given.default_ignore, given.activation_bits, checkpoint=checkpoint)
