"""The kinds of `rope_scaling`: (frequencies [dim / 2], magnitude of cosine and sine)."""

import math

import numpy as np

from ops import plain_frequencies


def frequencies(config, dim, tokens):
    """For a pass over `tokens` positions. `dim` is the number of rotated elements of a head."""
    theta, scaling = config.get("rope_theta", 10000.0), config.get("rope_scaling")
    if "rope_parameters" in config:  # one dictionary for both, as newer configs write it
        scaling = config["rope_parameters"]
        theta = scaling["rope_theta"]
    kind = "default" if not scaling else scaling.get("rope_type", scaling.get("type"))
    return KINDS[kind](config, scaling, dim, theta, tokens)


def default(config, scaling, dim, theta, tokens):
    return plain_frequencies(dim, theta), 1.0


def linear(config, scaling, dim, theta, tokens):
    """Position interpolation (Chen et al., 2023)."""
    return plain_frequencies(dim, theta) / scaling["factor"], 1.0


def dynamic(config, scaling, dim, theta, tokens):
    """NTK-aware interpolation whose base follows the length of the pass."""
    context, factor = config["max_position_embeddings"], scaling["factor"]
    if tokens > context:
        theta *= (factor * tokens / context - (factor - 1)) ** (dim / (dim - 2))
    return plain_frequencies(dim, theta), 1.0


def yarn(config, scaling, dim, theta, tokens):
    """YaRN (Peng et al., 2023): frequencies that turn often stay, those that turn seldom are interpolated. The context that
    turns are counted over is max_position_embeddings, as in transformers 4.47; the paper's, and that of later releases
    where the key is present, is original_max_position_embeddings."""
    factor, original = scaling["factor"], config["max_position_embeddings"]

    def index_that_turns(times):
        return dim * math.log(original / (times * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(index_that_turns(scaling.get("beta_fast", 32))), 0)
    high = min(math.ceil(index_that_turns(scaling.get("beta_slow", 1))), dim - 1)
    interpolated = np.clip((np.arange(dim // 2) - low) / max(high - low, 0.001), 0, 1)
    plain = plain_frequencies(dim, theta)
    magnitude = scaling.get("attention_factor") or 0.1 * math.log(factor) + 1
    return plain / factor * interpolated + plain * (1 - interpolated), magnitude


def longrope(config, scaling, dim, theta, tokens):
    """LongRoPE (Ding et al., 2024): a factor of its own for each frequency, one list for short and one for long passes."""
    original = config.get("original_max_position_embeddings") or config["max_position_embeddings"]
    stretch = config["max_position_embeddings"] / original
    magnitude = scaling.get("attention_factor") or (
        math.sqrt(1 + math.log(stretch) / math.log(original)) if stretch > 1 else 1.0)
    factors = scaling["long_factor"] if tokens > original else scaling["short_factor"]
    return plain_frequencies(dim, theta) / np.array(factors), magnitude


def llama3(config, scaling, dim, theta, tokens):
    """Llama 3.1: wavelengths beyond original / low_freq_factor are divided, below original / high_freq_factor kept,
    between them blended."""
    plain, original = plain_frequencies(dim, theta), scaling["original_max_position_embeddings"]
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = np.clip((original * plain / (2 * math.pi) - low) / (high - low), 0, 1)
    return plain * kept + plain / scaling["factor"] * (1 - kept), 1.0


KINDS = {"default": default, "linear": linear, "dynamic": dynamic, "yarn": yarn, "longrope": longrope, "llama3": llama3}
