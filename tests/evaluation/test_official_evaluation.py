"""Whole data sets by their official lists, as generated clips: all splits evaluated, and seen what is listed."""

import struct
from pathlib import Path

import pytest
import torch
from clips import Clip
from folders import real_data

from unreel import models
from unreel.checkpoint import WeightsHeader, save_weights
from unreel.cli.evaluate import main
from unreel.evaluation.results import read_retrievals
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.official_lists import ListedVideo, read_hmdb51, read_ucf101
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

pytestmark = [pytest.mark.slow, pytest.mark.data]

ENCODER = EncoderSettings(width=0.0625, size=16, clip_length=4)


def _tree(folder: Path, listed: dict[str, ListedVideo], damaged: str) -> Path:
    """A clip for every listed video, of which one is damaged and the last listed one is left out."""
    contents = [
        Clip(frames=6 + number, width=32, height=32).write(folder / f"{number}.mp4").read_bytes() for number in range(9)
    ]
    *held, _ = listed.items()
    for number, (name, video) in enumerate(held):
        path = folder / "videos" / video.label / f"{name}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = contents[number % 9] + struct.pack(">I4sI", 12, b"free", number)  # no two files the same
        path.write_bytes(content[:200] if name == damaged else content)
    return folder / "videos"


def _run(folder: Path) -> Path:
    torch.manual_seed(0)
    state = {f"encoder.{name}": each for name, each in models.build_from(ENCODER).state_dict().items()}
    save_weights(folder / "weights.safetensors", state, WeightsHeader(ENCODER, "hdc", 0), step=0)
    return folder / "weights.safetensors"


@pytest.mark.parametrize(
    ("layout", "protocol", "counts"),
    [
        ("ucf101", "gap", {"1": (9_537, 3_783), "2": (9_586, 3_734), "3": (9_624, 3_696)}),
        ("hmdb51", "vcop", dict.fromkeys("123", (3_570, 1_530))),
    ],
)
def test_all_splits_are_evaluated(
    tmp_path: Path, layout: str, protocol: str, counts: dict[str, tuple[int, int]]
) -> None:
    lists = real_data("splits") / layout
    listed = {"ucf101": read_ucf101, "hmdb51": read_hmdb51}[layout](lists)
    damaged, gone = next(iter(listed)), list(listed)[-1]
    videos = _tree(tmp_path, listed, damaged)
    prepared = prepare(videos, tmp_path / "prepared", PrepareOptions(ENCODER.prepared_side, layout=layout, lists=lists))
    options = ["--split", "all", "--protocol", protocol, "--no-untrained", "--accelerator", "cpu", "--clips", "1"]
    main(["retrieval", str(_run(tmp_path)), str(prepared.root), "--out", str(tmp_path / "out"), *options])
    results = {each.origin.split: each for each in read_retrievals(tmp_path / "out" / "retrieval.json")}
    assert results.keys() == counts.keys()
    for split, found in results.items():
        lost = [listed[name].splits.get(split) for name in (damaged, gone)]
        assert (found.origin.gallery_expected, found.origin.queries_expected) == counts[split]
        assert found.origin.gallery_seen == counts[split][0] - lost.count("train")
        assert found.origin.queries_seen == counts[split][1] - lost.count("test")
        assert len(found.origin.missing) == len(lost) - lost.count(None)
        score = found.score("class")
        assert score.queries == len(score.outcomes) == found.origin.queries_seen
        assert list(score.hits) == [1, 5, 10, 20, 50]
        assert len(score.classes) == len({video.label for video in listed.values()})
        assert sum(each.queries for each in score.classes.values()) == score.queries
