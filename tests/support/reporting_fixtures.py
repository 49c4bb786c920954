"""Tiny real collections, made-up results on them, and the system's Chromium."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from retrievals import EMPTY, changed

from unreel.evaluation.recognition import Prediction, Recognition
from unreel.evaluation.results import ClassScore, Neighbour, QueryRanking, Score
from unreel.reporting.document import files_beside
from unreel.reporting.report import ReportInputs
from unreel.reporting.run_section import ShownRun
from unreel.video.collection.manifest import Manifest, VideoRecord

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

POSITIONS = "elements => elements.map(element => getComputedStyle(element).backgroundPositionX)"

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
    """A manifest of real videos with the given ids, in classes a, b, c and of persons x, y, and one skipped file."""

    def make(ids: list[str] | None = None, **changes: Any) -> Manifest:
        records = [VideoRecord("broken.mp4", "skipped", "truncated: the index of the file is missing")]
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
            changed(
                EMPTY,
                encoder=encoder,
                checkpoint=f"{encoder}-hash",
                collection="tiny",
                split="leave one person out",
                seen=len(ids),
                expected=len(ids),
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


def made_up_test(manifest: Manifest, wrong: int = 4, **changes: Any) -> Recognition:
    """A test by "action" (classes a, b, c) of all usable videos, the first `wrong` of which are taken for others.

    The first of these is given least of its own class.
    """
    classes = ("a", "b", "c")
    predictions = []
    for number, record in enumerate(manifest.usable):
        own = classes.index(record.labels["action"])
        taken = (own + 1) % 3 if number < wrong else own
        shares = [0.1 + 0.01 * number] * 3
        shares[taken] = 0.6
        place, right = (2, 0) if number < wrong else (1, 2)
        predictions.append(
            Prediction(record.id, classes[own], classes[taken], place, tuple(shares), 2, clips_top1=right, clips_top5=2)
        )
    found = Recognition("action", classes, "tiny", "1, test", 50, len(predictions), {}, tuple(predictions))
    return replace(found, **changes)


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
        outcomes={video: QueryRanking(first_right=1, average_precision=rate / 2) for video in ids},
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


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page; afterwards nothing may have been asked for but it and the files beside it, nor complained of."""
    requests: list[str] = []
    complaints: list[str] = []
    contexts: list[Any] = []
    allowed: list[str] = []

    def open_page(path: Path, **options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options))
        page = contexts[-1].new_page()
        allowed.extend([path.as_uri(), f"{files_beside(path).as_uri()}/"])
        page.on("request", lambda request: requests.append(request.url))
        page.on("requestfailed", lambda request: complaints.append(f"not loaded: {request.url}"))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert [each for each in requests if not each.startswith(("data:", *allowed))] == []
    assert complaints == []


def moves(page: Any, selector: str, look: str = POSITIONS) -> bool:
    """Whether every element the selector finds shows another frame at one of several looks."""
    looks = [page.eval_on_selector_all(selector, look)]
    assert looks[0], f"nothing found by {selector}"
    for _ in range(8):
        page.wait_for_timeout(130)
        looks.append(page.eval_on_selector_all(selector, look))
        if all(len(set(frames)) > 1 for frames in zip(*looks, strict=True)):
            return True
    return False


def stands(page: Any, selector: str, look: str = POSITIONS) -> bool:
    """Whether every element the selector finds still shows the same frame a third of a second later.

    What was pressed takes effect with the browser's next frame, which on a busy machine may be late: it is waited for.
    """
    page.evaluate("() => Promise.all(document.getAnimations().map(animation => animation.ready))")
    before = page.eval_on_selector_all(selector, look)
    page.wait_for_timeout(300)
    return bool(before == page.eval_on_selector_all(selector, look) != [])
