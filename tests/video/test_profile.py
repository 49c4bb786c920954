"""How fast videos are read: figures measured on the spot, and what is made of them."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
import pytest
from clips import Clip
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Int
from misbehave import dawdle

from unreel.errors import CollectionError
from unreel.video.clips import profile
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.profile import (
    DECODING,
    HANDING_OVER,
    LoadingProfile,
    advice,
    checked,
    expected_rate,
    rate,
    raw_rate,
    sample_prepared,
    stages,
    storage,
)
from unreel.video.clips.sampling import TwoClips
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import scan
from unreel.video.decoding.decode import PyAVReader
from unreel.video.decoding.yuv import Planes

# 10 ms per pair: 200 clips/s of one core
FINE = LoadingProfile(
    side=128,
    needed_side=128,
    stages={DECODING: 0.008, HANDING_OVER: 0.002},
    rates={0: 210.0, 1: 190.0, 2: 380.0, 4: 700.0},
    raw_rate=None,
    storage=0.0002,
)
CHANGES = {
    "not prepared": ({"raw_rate": 20.0}, 10.2, "prepare the folder (unreel prepare FOLDER OUT --side 128): read 10.2"),
    "too large": (
        {"side": 256},
        4.0,
        "prepare smaller: frames have 256 pixels, this input needs --side 128: up to 4.0",
    ),
    "slow storage": (
        {"storage": 0.02},
        3.0,
        "waiting for storage makes reading 3.0 times as long, unless memory holds the collection",
    ),
    "too many workers": (
        {"rates": {0: 190.0, 2: 400.0, 8: 200.0}},
        2.0,
        "no more than --loader-workers 2: 8 read only 200 clips/s, 2 400",
    ),
}


def test_nothing_to_change() -> None:
    assert advice(FINE) == []
    assert advice(replace(FINE, storage=None, raw_rate=0.0)) == []


@pytest.mark.parametrize("change", CHANGES)
def test_one_thing_to_change(change: str) -> None:
    values, gain, text = CHANGES[change]
    (only,) = advice(replace(FINE, **values))  # type: ignore[arg-type]
    assert only.gain == pytest.approx(gain)
    assert text in only.text


@given(st.sets(st.sampled_from(sorted(CHANGES))))
def test_the_most_useful_change_comes_first(changes: set[str]) -> None:
    found = FINE
    for change in changes:
        found = replace(found, **CHANGES[change][0])  # type: ignore[arg-type]
    gains = [each.gain for each in advice(found)]
    assert gains == pytest.approx(sorted((CHANGES[change][1] for change in changes), reverse=True))


@pytest.mark.parametrize(("wanted", "of_one", "cores"), [(1000.0, 200.0, 5), (1001.0, 200.0, 6), (10.0, 200.0, 1)])
def test_cores_for_a_gpu(wanted: float, of_one: float, cores: int) -> None:
    assert replace(FINE, stages={DECODING: 2 / of_one}).cores_needed(wanted) == cores


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("throughput")
    for number in range(3):
        Clip(width=160, height=120, frames=40).write(folder / "videos" / f"{number}.mp4")
    Clip(frames=6).write(folder / "videos" / "short.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(32))


class Slow:
    """A reader that takes a tenth of a second for a pair, beyond its reading."""

    def __init__(self, prepared: bool = False) -> None:
        self._reader = PyAVReader(prepared)

    def read_frames(self, path: Path, table: Int[np.ndarray, "v t"]) -> list[Planes]:
        sleep(0.1)
        return self._reader.read_frames(path, table)


def test_the_expected_rate_is_that_of_reading_pairs_one_by_one(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert expected_rate(manifest)
    monkeypatch.setattr("unreel.video.clips.profile.PyAVReader", Slow)
    slow = expected_rate(manifest, seconds=0.5)
    assert slow is not None
    assert 0 < slow <= 2 / 0.1


def test_the_expected_rate_keeps_to_its_time(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unreel.video.clips.profile.PyAVReader", Slow)
    many = replace(manifest, records=manifest.records * 100)
    started = perf_counter()
    assert expected_rate(many, seconds=0.2)
    assert perf_counter() - started < 3


def test_originals_are_read_elsewhere_and_not_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clip(frames=40).write(tmp_path / "in" / "a.mp4")
    scanned = scan(tmp_path / "in", tmp_path / "scan.parquet", ScanOptions(workers=1))
    assert expected_rate(scanned, seconds=0.2)
    monkeypatch.setattr("unreel.video.clips.profile._rate_of", dawdle)
    monkeypatch.setattr("unreel.video.clips.profile.LONGEST", 0.5)
    assert expected_rate(scanned, seconds=0.2) is None


def test_no_video_to_expect_anything_of(manifest: Manifest, tmp_path: Path) -> None:
    assert expected_rate(manifest, clip_length=41) == 0
    assert expected_rate(replace(manifest, root=tmp_path)) == 0  # all gone


def test_too_short_to_measure(manifest: Manifest) -> None:
    expected = "holds 4 usable videos, none of at least 41 frames. Add longer ones or choose a smaller --clip-length"
    with pytest.raises(CollectionError, match=expected):
        checked(manifest, 41)


def test_videos_to_measure_with_are_spread_over_the_collection(manifest: Manifest) -> None:
    many = tuple(replace(manifest.usable[0], id=str(number)) for number in range(100))
    ids = [int(record.id) for record in checked(replace(manifest, records=many), 16)]
    assert (ids[0], len(ids)) == (0, 20)
    assert set(range(0, 100, 5)) == set(ids)


def test_the_stages_name_where_the_time_goes(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "PyAVReader", Slow)
    found = stages(manifest, 16, batch_size=4)
    assert list(found) == [DECODING, HANDING_OVER]
    assert found[DECODING] > 0.1
    assert found[HANDING_OVER] == 0  # the workers' readers are not slow


def test_what_is_neither_opening_nor_decoding_is_handing_over(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "rate", lambda *_, **__: 20.0)
    found = stages(manifest, 16, batch_size=4)
    assert sum(found.values()) == pytest.approx(0.1)
    assert 0 < found[DECODING] < 0.1


def test_rates_count_clips(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unreel.video.clips.datasets.PyAVReader", Slow)
    dataset = TrainingDataset(manifest, checked(manifest, 16), TwoClips(16), 0)
    assert 0 < rate(dataset, 3, workers=0, seconds=0.3) < 100


def test_an_unprepared_folder_is_measured_on_a_sample(manifest: Manifest, tmp_path: Path) -> None:
    source = Path(manifest.source)
    before = {path: path.stat().st_mtime_ns for path in source.iterdir()}
    sample = sample_prepared(source, tmp_path / "sample", 32)
    assert {Path(record.id) for record in sample} == set(before)
    assert sample.side == 32
    assert raw_rate(sample, 16)
    assert {path: path.stat().st_mtime_ns for path in source.iterdir()} == before


def test_the_sample_is_of_ordinary_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SAMPLE_TO_PREPARE", 1)
    for name, frames in (("a", 200), ("b", 60), ("c", 16)):
        Clip(frames=frames).write(tmp_path / "videos" / f"{name}.mp4")
    (only,) = sample_prepared(tmp_path / "videos", tmp_path / "sample", 32)
    assert only.frames == 60


def test_waiting_for_storage_is_told_where_it_can_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10**6)
    found = storage([file])
    assert found is None or found >= 0
    assert storage([]) is None
