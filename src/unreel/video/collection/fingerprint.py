"""Fingerprints: about a kilobyte that tells what a video looks like, taken while it is decoded.

    frames ─area averages─▶ cube of 8 × 16 × 16 grey levels ─cosines─▶ coefficients (t, y, x), the lowest kept
                            (time, rows, columns)                      t = 0: the mean picture; t > 0: motion

Length, size, frame rate, brightness and contrast are gone then. Picture and motion are scaled each by itself: two takes
before one wall share their picture, but not what moves, be it ever so small.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, final

import numpy as np
from jaxtyping import Float, Float32, Int8, UInt8

from unreel.errors import CollectionError

SPANS, SIDE = 8, 16
"""The cube: spans of time; rows and columns."""

LEAST_CONTRAST = 2.0
"""A video that varies less (standard deviation over the cube, grey levels) shows nothing and has no fingerprint."""

# The picture, which takes of one scene share, counts half. Motion below these (share of the picture's contrast; grey
# levels) is drowned by a codec's errors, and is not scaled up to the size of others'.
_PICTURE_WEIGHT = 0.5
_LEAST_MOTION = 1 / 16, 0.5
_KEPT_SUMS = 128
_ROWS = 128  # looked at of a frame, or up to twice as many
_STRIP = 128  # columns multiplied at once: so few that BLAS starts no threads, which beside busy workers take 1 ms

# (t, y, x) of the coefficients, those of low frequency first; of the diagonal half of all (y, x), as the corner beyond
# it costs as many bytes and tells little. The constant (0, 0, 0), brightness, is left out.
FREQUENCIES: Final = sorted(
    ((t, y, x) for t in range(SPANS) for y in range(SIDE) for x in range(SIDE - y) if t + y + x), key=sum
)
LENGTH = len(FREQUENCIES)
"""Bytes of a fingerprint."""

ODD: Final = np.array([x % 2 == 1 for _, _, x in FREQUENCIES])
"""The coefficients whose sign a mirror changes."""


@final
class Fingerprinter:
    """Takes the frames of a video one by one, however many they will be, in constant memory (0.3 MB).

    Kept are the sums of up to 128 runs of frames; when all are full, neighbours are merged: runs last twice as long.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((_KEPT_SUMS, SIDE, SIDE))
        self._run = 1  # frames in each sum
        self._frames = 0

    def take(self, luma: UInt8[np.ndarray, "h w"]) -> None:
        """The next frame, upright; frames may differ in size. Of large ones only every n-th row is looked at."""
        if self._frames == _KEPT_SUMS * self._run:
            self._sums[: _KEPT_SUMS // 2] = self._sums[::2] + self._sums[1::2]
            self._sums[_KEPT_SUMS // 2 :] = 0
            self._run *= 2
        luma = luma[:: max(1, len(luma) // _ROWS)]
        height, width = luma.shape
        rows, columns = _averages(height), _averages(width).T
        total = self._sums[self._frames // self._run]
        for left in range(0, width, _STRIP):
            strip = slice(left, left + _STRIP)
            total += rows @ luma[:, strip].astype(np.float32) @ columns[strip]
        self._frames += 1

    def fingerprint(self) -> bytes:
        """The fingerprint, `LENGTH` bytes, or none (empty) of a video with less than `LEAST_CONTRAST` or no frames."""
        if not self._frames:
            return b""
        runs = -(-self._frames // self._run)
        edges = np.minimum(np.arange(runs + 1) * self._run, self._frames)
        cube = np.tensordot(_shares(edges, SPANS), self._sums[:runs], 1) * (SPANS / self._frames)
        return encode(_scaled(cube))


def coefficients(fingerprints: Sequence[bytes]) -> Float32[np.ndarray, "n d"]:
    """What fingerprints stand for: two videos are as different as these rows are far apart (Euclidean; 0 to about 2.2).

    The first columns are those of the lowest frequencies and differ most among videos.

    Raises:
        CollectionError: a fingerprint of another length.
    """
    return decode_coefficients(stack(fingerprints))


def stack(fingerprints: Sequence[bytes]) -> Int8[np.ndarray, "n d"]:
    """The bytes of fingerprints as one array.

    Raises:
        CollectionError: a fingerprint of another length.
    """
    for fingerprint in fingerprints:
        if len(fingerprint) != LENGTH:
            raise CollectionError(
                f"A fingerprint of {len(fingerprint)} bytes, expected {LENGTH}: another version of unreel took it. "
                "Prepare the collection again."
            )
    return np.frombuffer(b"".join(fingerprints), np.int8).reshape(-1, LENGTH)


def decode_coefficients(stacked: Int8[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """The coefficients that the first bytes of fingerprints stand for."""
    roots = stacked.astype(np.float32) / 127
    return roots * np.abs(roots)


def mirrored(coefficients: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """The coefficients of the videos, or the first of them, mirrored left to right: odd cosines change their sign."""
    return np.where(ODD[: coefficients.shape[1]], -coefficients, coefficients)


def _scaled(cube: Float[np.ndarray, "t y x"]) -> Float[np.ndarray, " d"]:
    """The kept coefficients, picture and motion scaled each by itself; all zero without enough contrast."""
    t, y, x = np.transpose(FREQUENCIES)
    contrast = float(cube.mean(0).std())
    motion = float((cube - cube.mean(0)).std())
    if math.hypot(contrast, motion) < LEAST_CONTRAST:
        return np.zeros(LENGTH)
    relative, absolute = _LEAST_MOTION
    picture_scale = _PICTURE_WEIGHT / max(contrast, LEAST_CONTRAST)
    motion_scale = 1 / max(motion, relative * contrast, absolute)
    scaled: Float[np.ndarray, " d"] = _coefficients(cube)[t, y, x] * np.where(t == 0, picture_scale, motion_scale)
    return scaled


def encode(scaled: Float[np.ndarray, " d"]) -> bytes:
    """The bytes of scaled coefficients (-1 to 1), none if all are zero.

    Square roots in 8 bits, so that the many small ones, together as much as the large, keep their digits.
    """
    roots = np.sign(scaled) * np.sqrt(np.abs(scaled))
    return np.rint(roots * 127).astype(np.int8).tobytes() if scaled.any() else b""


def _coefficients(cube: Float[np.ndarray, "t y x"]) -> Float[np.ndarray, "t y x"]:
    """The orthonormal cosine transform (DCT-II) along all axes; the squares add up to the mean square of the cube."""
    for axis in range(3):
        cube = np.moveaxis(np.tensordot(_cosines(cube.shape[axis]), cube, (1, axis)), 0, axis)
    return cube / math.sqrt(cube.size)


def _cosines(size: int) -> Float[np.ndarray, "n n"]:
    frequency = np.arange(size)[:, None]
    cosines: Float[np.ndarray, "n n"] = np.cos(np.pi * frequency * (np.arange(size) + 0.5) / size)
    return cosines * np.where(frequency, math.sqrt(2 / size), math.sqrt(1 / size))


@lru_cache(maxsize=16)
def _averages(size: int) -> Float32[np.ndarray, "_ _"]:
    """The matrix that averages `size` rows into `SIDE`, a row on a border by its share in each."""
    return (_shares(np.arange(size + 1), SIDE) * (SIDE / size)).astype(np.float32)


def _shares(edges: np.ndarray, parts: int) -> Float[np.ndarray, "_ _"]:
    """Which share of each cell between two edges lies in each of so many equal parts of the whole."""
    bounds = np.linspace(edges[0], edges[-1], parts + 1)[:, None]
    overlaps = np.minimum(edges[1:], bounds[1:]) - np.maximum(edges[:-1], bounds[:-1])
    shares: Float[np.ndarray, "_ _"] = np.clip(overlaps, 0, None) / np.diff(edges)
    return shares
