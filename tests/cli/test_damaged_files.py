"""Damaged and foreign weights, settings, runs, results and manifests: each ends in one line with exit code 2."""

import resource
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from clips import Clip, solid
from damage import OF_ANY

from unreel import cli
from unreel.cli.evaluate import main as evaluate
from unreel.cli.finetune import main as finetune
from unreel.cli.prepare import main as prepare
from unreel.cli.pretrain import main as pretrain

HERE = ["--accelerator", "cpu", "--loader-workers", "0"]
TINY = [*HERE, "--encoder", "r3d18", "--width", "0.0625", "--size", "28", "--clip-length", "8", "--devices", "1"]
LONGEST = 800
MEGABYTES = 500

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A prepared folder `videos`, and the runs `run` and `tuned` on it, finished, with results."""
    place = tmp_path_factory.mktemp("s")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNREEL_CACHE", str(place / "cache"))
        for label, grey in (("bend", 60), ("jump", 180)):
            for number in range(4):
                clip = Clip(width=48, height=40, frames=20 + number, pictures=solid(grey, grey, 20 * number))
                clip.write(place / "raw" / label / f"g{number // 2}_{number}.mp4")
        groups = ["--group-pattern", "(g[0-9])_"]
        prepare([str(place / "raw"), str(place / "videos"), "--side", "32", "--workers", "1", *groups])
        learnt = [str(place / "videos"), *TINY, "--steps", "2", "--log-every", "1"]
        pretrain([*learnt, "--out", str(place / "run"), "--batch-size", "4", "--knn-every", "0"])
        finetune([*learnt, "--out", str(place / "tuned"), "--batch-size", "3", "--test-groups", "g1"])
        for kind in ("retrieval", "knn"):
            evaluate([kind, str(place / "run"), str(place / "videos"), "--out", str(place / "run" / "evaluation"),
                      "--clips", "1", *HERE])  # fmt: skip
        yield place


@pytest.fixture
def call(scene: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs `unreel …` in this process; the exit code and what was said on standard error."""

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["unreel", *map(str, words)])
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        return code, capfd.readouterr().err

    monkeypatch.setenv("UNREEL_CACHE", str(scene / "cache"))
    return run


def wrong(code: int, said: str, *, right: bool) -> str:
    """What is wrong with the end of a command; `right` says that it may find nothing amiss."""
    if code == 0 and right:
        return ""
    lines = [line for line in said.splitlines() if not line.startswith(("preparing", "testing", "embedding"))]
    if code != 2:
        return f"exit code {code}: {said[-300:]}"
    if len(lines) != 1 or not lines[0].startswith("unreel: ") or len(lines[0]) > LONGEST or "Traceback" in said:
        return f"{len(lines)} lines: {said[:LONGEST]}"
    return ""


# Each file, and the verbs that read it; OUT is a place where nothing is.
READERS: dict[str, Sequence[str]] = {
    "run/weights.safetensors": (
        "evaluate retrieval run videos --out OUT --clips 1",
        "evaluate linear run videos --out OUT --clips 1",
        "embed run videos --out OUT.lance --clips 1",
        "finetune videos --weights run --out OUT --steps 1",
        "figure looks run videos --query bend/g0_0.mp4 --hit jump/g0_0.mp4 --out OUT.html",
    ),
    "tuned/weights.safetensors": ("evaluate test tuned videos --out OUT", "evaluate knn tuned videos --out OUT"),
    "run/settings.yaml": (
        "pretrain --config run/settings.yaml --out OUT --steps 1 --loader-workers 0",
        "report run --out OUT.html",
        "watch run",
    ),
    "tuned/settings.yaml": ("finetune --config tuned/settings.yaml --out OUT --steps 1", "report tuned --out OUT.html"),
    "run/videos.json": ("pretrain --config run/settings.yaml --out run --steps 2",),
    "tuned/videos.json": ("evaluate test tuned videos --out OUT",),
    "run/versions.json": ("report run --out OUT.html",),
    "run/metrics.csv": (
        "watch run",
        "report run --out OUT.html",
        "pretrain --config run/settings.yaml --out run --steps 3 --loader-workers 0",
    ),
    "run/checkpoints/step-000002/state.json": (
        "pretrain --config run/settings.yaml --out run --steps 3 --loader-workers 0",
    ),
    "run/checkpoints/step-000002/optimizer.safetensors": (
        "pretrain --config run/settings.yaml --out run --steps 3 --loader-workers 0",
    ),
    "run/checkpoints/step-000002/weights.safetensors": (
        "evaluate knn run/checkpoints/step-000002 videos --out OUT --clips 1",
        "pretrain --config run/settings.yaml --out run --steps 3 --loader-workers 0",
    ),
    "run/evaluation/retrieval.json": (
        "evaluate compare run/evaluation/retrieval.json run/evaluation/retrieval.json",
        "report run --evaluation run/evaluation/retrieval.json --out OUT.html",
        "figure retrieval run/evaluation/retrieval.json --out OUT.html",
        "figure confusion run/evaluation/retrieval.json --out OUT.png",
        "figure classes run/evaluation/retrieval.json --out OUT.html",
    ),
    "tuned/recognition.json": (
        "figure confusion tuned/recognition.json --out OUT.html",
        "figure classes tuned/recognition.json --out OUT.html",
        "report tuned --out OUT.html",
        "finetune --config tuned/settings.yaml --out tuned",
    ),
    "videos/manifest.parquet": (
        "evaluate knn run videos --out OUT --clips 1",
        "embed run videos --out OUT.lance --clips 1",
        "leaks videos",
        "pretrain videos --recipe hdc-small --out OUT --steps 1",
    ),
    "videos/prepared.json": ("evaluate knn run videos --out OUT --clips 1", "embed run videos --out OUT.lance"),
}
OFTEN = {"run/weights.safetensors", "run/settings.yaml", "run/versions.json", "videos/manifest.parquet"}
"""What is tried each time, the others when there is time."""
# A part of the figures of a run, or of its settings, is some; a link to nowhere is nothing.
_CUT, _NOTHING = {"half", "its last byte lost"}, {"a link to itself"}
RIGHT: dict[str, set[str]] = {
    "run/settings.yaml": {*_CUT, "an empty table"},
    "tuned/settings.yaml": _CUT,
    "tuned/videos.json": _NOTHING,
    "run/versions.json": {*_NOTHING, "an empty table"},
    "run/metrics.csv": {*_CUT, *_NOTHING, "empty"},
    "tuned/recognition.json": _NOTHING,
}


def copied(scene: Path, name: str, to: Path) -> Path:
    """Of the scene what a file belongs to, in a place of its own; all else is linked to."""
    own = Path(name).parts[0]
    to.mkdir()
    for each in scene.iterdir():
        if each.name == own:
            shutil.copytree(each, to / own)
        else:
            (to / each.name).symlink_to(each)
    for settings in (to / own).glob("settings.yaml"):  # of a run in another place
        settings.write_text(settings.read_text().replace(str(scene / own), str(to / own)))
    return to


@pytest.fixture
def tried(
    scene: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Sequence[str]], list[str]]:
    """Damages a file in every way, runs verbs on each, and gives what is wrong with how they end."""

    def run(name: str, verbs: Sequence[str]) -> list[str]:
        found = []
        for number, (what, damage) in enumerate(OF_ANY.items()):
            place = copied(scene, name, tmp_path / str(number))
            damage(place / name)
            monkeypatch.chdir(place)
            for words in verbs:
                code, said = call(*words.replace("OUT", str(place / f"out-{verbs.index(words)}")).split())
                fault = wrong(code, said, right=what in RIGHT.get(name, ()))
                found += [f"{what}, {words}: {fault}"] if fault else []
        return found

    return run


Tried = Callable[[str, Sequence[str]], list[str]]


@pytest.mark.parametrize(
    "name", [each if each in OFTEN else pytest.param(each, marks=pytest.mark.slow) for each in READERS]
)
def test_a_damaged_or_foreign_file_is_told_in_a_line(name: str, tried: Tried) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = tried(name, READERS[name][:1])
    assert not found, "\n".join(found)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, verbs in READERS.items() if verbs[1:]])
def test_so_do_the_other_verbs_that_read_it(name: str, tried: Tried) -> None:
    found = tried(name, READERS[name][1:])
    assert not found, "\n".join(found)
