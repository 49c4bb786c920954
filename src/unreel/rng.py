"""Chance as a function: the same (seed, what for, …) always gives the same draws.

No generator state is ever saved: a resumed run, another number of workers or of processes, or a second look at one
sample draws the same numbers.
"""

import json
from collections.abc import Callable
from hashlib import blake2b

import numpy as np

Draw = Callable[[str], np.random.Generator]
"""From a purpose to the generator of one video in one epoch."""


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A fresh generator for one purpose, e.g. `generator(seed, "view", epoch, video_id, "o")`.

    Different purposes give independent streams (a 128-bit hash is the key of a Philox counter generator).
    """
    key = int.from_bytes(blake2b(json.dumps([seed, *purpose]).encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def draws_of(seed: int, epoch: int, video: str) -> Draw:
    """The draws of a video in an epoch, by purpose: who asks again for the same purpose gets the same numbers.

    So no label need travel with a batch: what a reader has drawn, a method draws again.
    """
    return lambda purpose: generator(seed, purpose, epoch, video)
