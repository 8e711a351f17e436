"""The one place that asks for transformers' version: 4 and 5 load and name tensors in different ways."""

from typing import TYPE_CHECKING, Any, Dict, List

import transformers

if TYPE_CHECKING or int(transformers.__version__.partition(".")[0]) >= 5:
    from .version5 import LoadingHooks, stored_keys
else:
    from .version4 import LoadingHooks, stored_keys

__all__ = ["Aliases", "LoadingHooks", "stored_keys"]


class Aliases:
    """Full name of a layer -> that name and those in the checkpoint, where they differ (transformers renames)."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.known: Dict[str, List[str]] = {}

    def __call__(self, name: str) -> List[str]:
        if name not in self.known:
            stored = [key[: -len(".weight")] for key in stored_keys(self.model, f"{name}.weight") if key.endswith(".weight")]
            self.known[name] = list(dict.fromkeys([name, *stored]))
        return self.known[name]

    def in_files(self, name: str) -> List[str]:
        """And those with or without the name of the base model: either's checkpoint loads into the other."""
        base = getattr(self.model, "base_model_prefix", "")
        known = self(name)
        if base:
            known = [*known, *(f"{base}.{entry}" for entry in known)] + [
                entry[len(base) + 1 :] for entry in known if entry.startswith(f"{base}.")
            ]
        return list(dict.fromkeys(known))
