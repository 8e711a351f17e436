"""The names of ``w8a16``, for ``from quantizer import W8A16LinearLayer, replace_linear_with_target_and_quantize``."""

from w8a16 import *  # noqa: F401,F403
from w8a16 import __all__  # noqa: F401
