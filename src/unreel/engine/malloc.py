"""How this process gets its memory from the system."""

import ctypes

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_LARGE = 1 << 30  # as much as an int of C holds, doubled, is too much
_PAD = 64 << 20


def keep_freed_memory() -> bool:
    """Use freed memory again instead of giving it back to the system; whether that could be arranged (glibc only).

    A step of training on a CPU allocates and frees the same large maps again and again. By default each of them
    is fetched from the system and given back, and the system clears every page anew: a fifth of a step
    (`benchmarks/pretraining.py`). The memory stays with the process until it ends.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another system, or another C library
        return False
    options = {_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: _LARGE, _TOP_PAD: _PAD}
    done = [mallopt(option, value) for option, value in options.items()]
    return all(done)
