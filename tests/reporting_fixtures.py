"""Tiny real collections, made-up results on them, and the system's Chromium."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from unreel.evaluation.results import ClassScore, Neighbour, Outcome, Retrieval, Score
from unreel.reporting.page import ReportInputs
from unreel.reporting.runs import ShownRun
from unreel.video.manifest import Manifest, VideoRecord

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WriteVideo = Callable[..., VideoRecord]
MakeManifest = Callable[..., Manifest]
MakeInputs = Callable[..., ReportInputs]


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """Writes an mp4 whose frame i is grey of level start + 8·i (modulo 256), and gives its record."""

    def write(
        path: Path, frames: int = 16, fps: int = 12, size: tuple[int, int] = (64, 48), start: int = 0
    ) -> VideoRecord:
        width, height = size
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=fps)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(frames):
                picture = np.full((height, width, 3), (start + 8 * index) % 256, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
        return VideoRecord(
            id=path.name,
            status="ok",
            path=path.name,
            frames=frames,
            fps=float(fps),
            width=width,
            height=height,
            duration=frames / fps,
            codec="mpeg4",
            source_width=width,
            source_height=height,
            size=path.stat().st_size,
        )

    return write


@pytest.fixture
def make_manifest(tmp_path: Path, write_video: WriteVideo) -> MakeManifest:
    """A manifest of real videos with the given ids, in classes a, b, c and of persons x, y, and one refused file."""

    def make(ids: list[str] | None = None, **changes: Any) -> Manifest:
        records = [VideoRecord("broken.mp4", "refused", "truncated: the index of the file is missing")]
        for index, video in enumerate(ids or [f"video {index:02}.mp4" for index in range(12)]):
            record = write_video(tmp_path / "prepared" / f"{index}.mp4", frames=16 + index, start=10 * index)
            labels = {"action": "abc"[index % 3], "person": "xy"[index % 2]}
            records.append(replace(record, id=video, labels=labels))
        records.sort(key=lambda record: record.id)
        manifest = Manifest(tmp_path / "prepared", tuple(records), source="videos", side=48, ignored=2)
        return replace(manifest, **changes)

    return make


@pytest.fixture
def make_inputs() -> MakeInputs:
    """Full inputs of a report on a manifest: two encoders, their neighbours in the order of the ids, fifty steps."""

    def make(manifest: Manifest, **changes: Any) -> ReportInputs:
        ids = [record.id for record in manifest.usable]
        neighbours = {
            query: tuple(Neighbour(hit, 0.9 - 0.01 * place) for place, hit in enumerate(ids) if hit != query)
            for query in ids
        }
        rates = {"untrained": 0.25, "hdc": 0.75}
        retrievals = [
            Retrieval(
                encoder=encoder,
                checkpoint=f"{encoder}-hash",
                collection="tiny",
                protocol="gap",
                split="leave one person out",
                level=5,
                seed=0,
                seen=len(ids),
                expected=len(ids),
                missing=(),
                scores=tuple(made_up_score(label, rate, ids) for label in ("action", "person")),
                neighbours=neighbours,
            )
            for encoder, rate in rates.items()
        ]
        chance = np.random.default_rng(0)
        inputs = ReportInputs(
            title="What was learned",
            subtitle="A tiny collection",
            manifest=manifest,
            runs=[made_up_run("tiny")],
            retrievals=retrievals,
            vectors={name: {video: chance.normal(size=8).astype(np.float32) for video in ids} for name in rates},
            next_steps=["unreel embed runs/tiny videos"],
        )
        return replace(inputs, **changes)

    return make


def made_up_run(name: str, **facts: str) -> ShownRun:
    """Fifty steps of a run."""
    command = f"unreel pretrain videos runs/{name} --recipe hdc --steps 50 --seed 0"
    metrics = [
        {"step": step, "loss": 5 / step, "loss/spatial_5": 3 / step, "knn/action": step / 50, "rank/level_5": 9.0}
        for step in range(1, 51)
    ]
    return ShownRun(name, "pretraining", {"recipe": "hdc", "command": command, **facts}, metrics)


def made_up_score(label: str, rate: float, ids: list[str]) -> Score:
    """A score of the queries `ids` by a label whose classes are those of `make_manifest`."""
    classes = {"action": "abc", "person": "xy"}[label]
    return Score(
        label=label,
        queries=len(ids),
        chance=0.3,
        hits={1: rate, 5: 0.9},
        intervals={1: (rate - 0.1, rate + 0.1), 5: (0.8, 1.0)},
        average_precision=rate / 2,
        average_precision_interval=(rate / 2 - 0.05, rate / 2 + 0.05),
        purity={1: rate, 5: rate / 2},
        classes={name: ClassScore(queries=4, hits={1: rate, 5: 0.9}, average_precision=rate / 2) for name in classes},
        outcomes={video: Outcome(first_right=1, average_precision=rate / 2) for video in ids},
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright."""
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield started
        started.close()
