"""Fingerprints are those of slow averages and a cosine transform made of Fourier's; changes of no meaning are gone."""

import tracemalloc
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float, UInt8

from unreel.errors import CollectionError
from unreel.video.collection.fingerprint import (
    FREQUENCIES,
    LEAST_CONTRAST,
    LENGTH,
    Fingerprinter,
    coefficients,
    mirrored,
)

Video = UInt8[np.ndarray, "t h w"]

QUANTISED = 0.06
"""How far apart fingerprints of the same pictures are at most, for their 8 bits."""


def fingerprint(frames: Iterable[UInt8[np.ndarray, "h w"]]) -> bytes:
    fingerprinter = Fingerprinter()
    for luma in frames:
        fingerprinter.take(luma)
    return fingerprinter.fingerprint()


def values(frames: Iterable[UInt8[np.ndarray, "h w"]]) -> Float[np.ndarray, " d"]:
    found: Float[np.ndarray, " d"] = coefficients([fingerprint(frames)])[0].astype(np.float64)
    return found


def noise(frames: int, height: int, width: int, seed: int, low: int = 30, high: int = 220) -> Video:
    """A video whose pictures change as much as they are patterned, in coarse fields."""
    fields = np.random.default_rng(seed).integers(low, high, (frames, 6, 5), np.uint8)
    rows, columns = np.arange(height) * 6 // height, np.arange(width) * 5 // width
    return fields[:, rows][:, :, columns]


def cosine_transform(signal: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    """The orthonormal DCT-II of the last axis: Fourier's transform of the signal followed by its mirror image."""
    length = signal.shape[-1]
    frequency = np.arange(length)
    fourier = np.fft.fft(np.concatenate([signal, signal[..., ::-1]], -1))[..., :length]
    turned = fourier * np.exp(-0.5j * np.pi * frequency / length)
    transformed: Float[np.ndarray, "*batch n"] = turned.real / np.sqrt(2 * length)
    transformed[..., 0] /= np.sqrt(2)
    return transformed


def slowly(video: Video) -> Float[np.ndarray, " d"]:
    """The scaled coefficients: every pixel is cut into 8 × 16 × 16 so that all borders are whole."""
    whole = video.astype(np.float64)
    for axis, parts in enumerate((8, 16, 16)):
        cut = np.split(whole.repeat(parts, axis), parts, axis)
        whole = np.stack([part.mean(axis) for part in cut], axis)
    transformed = whole / np.sqrt(whole.size)
    for axis in range(3):
        transformed = np.moveaxis(cosine_transform(np.moveaxis(transformed, axis, -1)), -1, axis)
    seen = {place: value for place, value in np.ndenumerate(transformed) if place != (0, 0, 0)}
    picture = np.sqrt(sum(value**2 for (t, _, _), value in seen.items() if t == 0))
    motion = np.sqrt(sum(value**2 for (t, _, _), value in seen.items() if t > 0))
    kept = {place: value for place, value in seen.items() if place[1] + place[2] < 16}
    assert set(kept) == set(FREQUENCIES)
    scales = 0.5 / max(picture, 2), 1 / max(motion, picture / 16, 0.5)
    return np.array([kept[frequency] * scales[frequency[0] > 0] for frequency in FREQUENCIES])


@given(
    st.integers(1, 40),
    st.integers(3, 50),
    st.integers(3, 50),
    st.integers(0, 999),
    st.sampled_from([(30, 220), (90, 130), (0, 255)]),
)
def test_it_is_the_slow_one_in_eight_bits(
    frames: int, height: int, width: int, seed: int, levels: tuple[int, int]
) -> None:
    video = noise(frames, height, width, seed, *levels)
    expected, found = slowly(video), values(video)
    assert len(fingerprint(video)) == LENGTH == len(expected) == 1087
    # half a step of the stored roots
    np.testing.assert_allclose(
        np.sign(found) * np.sqrt(abs(found)), np.sign(expected) * np.sqrt(abs(expected)), atol=0.0041
    )
    assert np.linalg.norm(found - expected) < QUANTISED / 2


@pytest.mark.parametrize(("frames", "run"), [(128, 1), (129, 2), (255, 2), (257, 4), (300, 4), (1000, 8)])
def test_of_long_videos_runs_of_frames_count_as_one(frames: int, run: int) -> None:
    pictures = noise(-(-frames // run), 17, 18, 0)
    video = pictures.repeat(run, 0)[:frames]
    assert np.linalg.norm(values(video) - slowly(video)) < QUANTISED / 2


def test_long_videos_are_thinned_evenly() -> None:
    scenes = noise(8, 17, 18, 0)
    assert np.linalg.norm(values(scenes.repeat(400, 0)) - slowly(scenes)) < 0.1


@given(st.integers(0, 999), st.integers(0, 4), st.sampled_from([30, 250]))
def test_faint_motion_stays_faint(seed: int, strength: int, bright: int) -> None:
    still = noise(1, 32, 32, seed, 10, bright).astype(np.int64)
    flicker = noise(8, 32, 32, seed + 1, 0, strength + 1)
    video = (still + flicker).clip(0, 255).astype(np.uint8)
    assert np.linalg.norm(values(video) - slowly(video)) < QUANTISED / 2


def test_memory_does_not_grow_with_the_video() -> None:
    picture = noise(1, 32, 32, 0)[0]

    def peak(frames: int) -> int:
        tracemalloc.start()
        fingerprint(picture for _ in range(frames))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(1000) < peak(200) + 50_000 < 2_000_000


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_the_mirrored_video_has_the_mirrored_coefficients(seed: int) -> None:
    video = noise(20, 40, 33, seed)
    straight = coefficients([fingerprint(video)])
    assert np.linalg.norm(values(video[:, :, ::-1]) - mirrored(straight)[0]) < QUANTISED
    np.testing.assert_array_equal(mirrored(straight[:, :40]), mirrored(straight)[:, :40])
    assert np.linalg.norm(mirrored(straight) - straight) > 0.5


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_size_rate_brightness_and_contrast_are_gone(seed: int) -> None:
    video = noise(16, 48, 40, seed, 40, 120)
    for changed in (
        video.repeat(2, 0),
        video.repeat(3, 1).repeat(2, 2),
        video + np.uint8(50),
        video * np.uint8(2),
        video.repeat(20, 1),  # of these rows only some are looked at
        video.repeat(9, 2),  # several strips wide
    ):
        assert np.linalg.norm(values(changed) - values(video)) < QUANTISED


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_other_motion_in_the_same_scene_is_far_however_small(seed: int) -> None:
    still = noise(1, 64, 64, seed).repeat(16, 0)
    takes = []
    for direction in (1, -1):
        take = still.copy()
        for number in range(16):
            left = 4 + 3 * (number if direction > 0 else 15 - number)
            take[number, 30:42, left : left + 6] = 250
        takes.append(take)
    assert np.linalg.norm(values(takes[0]) - values(takes[1])) > 0.5


def test_a_video_with_hardly_any_contrast_has_none() -> None:
    def stripes(contrast: float) -> Video:
        video = np.full((10, 32, 32), 100, np.uint8)
        video[:, :16] += np.uint8(2 * contrast)
        return video

    assert fingerprint([]) == b""
    assert fingerprint(stripes(0)) == b""
    assert fingerprint(stripes(LEAST_CONTRAST - 0.5)) == b""
    assert len(fingerprint(stripes(LEAST_CONTRAST + 0.5))) == LENGTH


def test_a_fingerprint_of_another_length_is_skipped() -> None:
    with pytest.raises(
        CollectionError,
        match=r"^A fingerprint of 3 bytes, expected 1087: another version of unreel took it\. "
        r"Prepare the collection again\.$",
    ):
        coefficients([bytes(LENGTH), b"abc"])
