"""Memory that was freed while a model loads goes back to the system.

A float tensor lives for a moment, its quantized form for good, and the C library cuts the one's place up for the next others:
measured on a model of 880 MB in float32, cast from bfloat16 while it loaded, 480 MB of holes were left. Where the library can
be asked to give back the pages of such holes (glibc: malloc_trim), it is asked, now and then.
"""

import ctypes

#: bytes of float tensors between two requests; a request takes under a millisecond for heaps of some 100 MB
_INTERVAL = 32 << 20
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


class FreedMemory:
    """Counts what was freed and returns it to the system in portions."""

    def __init__(self) -> None:
        self.bytes = 0

    def add(self, count: int) -> None:
        """``count`` bytes are about to be freed."""
        self.bytes += count
        if self.bytes >= _INTERVAL:
            self.bytes = 0
            if _trim is not None:
                _trim(0)
