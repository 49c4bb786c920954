"""A run that is interrupted is the run that was not: same weights, same figures; other runs are skipped."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import torch
from clips import Clip
from running import pretrain_on as pretrain
from torch.nn.utils import parameters_to_vector

from unreel.checkpoint import load_encoder, untrained_encoder
from unreel.checkpoint.state import checkpoints
from unreel.engine.locks import locked
from unreel.errors import (
    CheckpointError,
    CollectionError,
    OverwriteError,
    RunError,
    SettingsError,
    Stopped,
    TrainingError,
)
from unreel.settings.hdc import HDCSettings
from unreel.training import loop
from unreel.training.metrics import read_metrics
from unreel.types import ClipBatch
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

STEPS = 7
SLOW = pytest.mark.slow


class Interrupted(BaseException):
    """The process is gone, as far as a test within it can be."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("loop")
    for number in range(8):  # two steps an epoch: most checkpoints lie in the middle of one
        Clip(width=48, height=40, frames=20 + number).write(folder / "videos" / f"{number % 2}" / f"{number}.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(38))


def _settings(manifest: Manifest, out: Path, **changes: object) -> HDCSettings:
    small = {"width": 0.0625, "size": 32, "batch_size": 4, "steps": STEPS, "loader_workers": 0, "log_every": 1}
    small |= {"checkpoint_every": 2, "knn_every": 3, "learning_rate": 0.05, "warmup_steps": 3, "decay": 0.1}
    return HDCSettings.model_validate({"folder": manifest.root, "out": out, **small, **changes})


@contextmanager
def _ended(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> Iterator[None]:
    """Training ends by an error as it begins a step."""
    step = loop._Training.step

    def ending(self: Any, number: int, batch: ClipBatch, *, watched: bool) -> object:
        if number == at:
            raise error
        return step(self, number, batch, watched=watched)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "step", ending)
        yield


def _figures(run: Path) -> list[Mapping[str, float]]:
    """The metrics without what a clock and the machine say."""
    return [
        {name: each for name, each in row.items() if not name.startswith(("seconds", "memory"))}
        for row in read_metrics(run)
    ]


@pytest.fixture(scope="module")
def undisturbed(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = _settings(manifest, tmp_path_factory.mktemp("undisturbed") / "run")
    pretrain(settings, manifest)
    return settings.out


@pytest.mark.parametrize("at", [3, *(pytest.param(at, marks=SLOW) for at in range(1, STEPS + 1) if at != 3)])
def test_a_resumed_run_is_the_same_run(
    manifest: Manifest, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    first = _settings(manifest, tmp_path / "run")
    with _ended(monkeypatch, at, Interrupted()), pytest.raises(Interrupted):
        pretrain(first, manifest)
    assert not (first.out / "weights.safetensors").exists()
    changes = {"loader_workers": at % 2, "checkpoint_every": 3, "checkpoint_activations": at % 2 == 0}
    pretrain(first.model_copy(update=changes), manifest)
    expected, found = (run / "weights.safetensors" for run in (undisturbed, first.out))
    assert found.read_bytes() == expected.read_bytes()
    assert _figures(first.out) == _figures(undisturbed)
    steps = {
        int(line.rpartition(" ")[2]) for line in (first.out / "log.txt").read_text().splitlines() if "after" in line
    }
    evaluated_or_due = {each for each in (2, 3, 4, 6) if each < at}
    assert max(steps, default=0) in evaluated_or_due | {0}


@pytest.mark.slow
def test_keras_momentum_and_clipping_go_on_too(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: Mapping[str, object] = {"keras_momentum": True, "clip_norm": 0.5, "knn_every": 0}
    whole, broken = (_settings(manifest, tmp_path / name, **changes) for name in ("whole", "broken"))
    pretrain(whole, manifest)
    with _ended(monkeypatch, 6, Interrupted()), pytest.raises(Interrupted):
        pretrain(broken, manifest)
    pretrain(broken, manifest)
    assert load_encoder(broken.out).checkpoint == load_encoder(whole.out).checkpoint
    plain = _settings(manifest, tmp_path / "plain", knn_every=0, keras_momentum=True)
    pretrain(plain, manifest)
    assert load_encoder(plain.out).checkpoint != load_encoder(whole.out).checkpoint


def test_a_longer_run_is_the_same_run_longer(manifest: Manifest, undisturbed: Path, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", steps=4)
    pretrain(settings, manifest)
    pretrain(settings.model_copy(update={"steps": STEPS}), manifest)
    assert load_encoder(settings.out).checkpoint == load_encoder(undisturbed).checkpoint
    before = (settings.out / "settings.yaml").read_bytes()
    with pytest.raises(SettingsError, match=rf"has made {STEPS} steps, got steps 5\. Give {STEPS} or more, or write"):
        pretrain(settings.model_copy(update={"steps": 5}), manifest)
    assert (settings.out / "settings.yaml").read_bytes() == before


def test_a_finished_run_is_left_as_it_is(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", steps=2)
    pretrain(settings, manifest)
    before = {path: path.stat().st_mtime_ns for path in settings.out.rglob("*.safetensors")}
    rows = read_metrics(settings.out)
    pretrain(settings, manifest)
    assert {path: path.stat().st_mtime_ns for path in settings.out.rglob("*.safetensors")} == before
    assert read_metrics(settings.out) == rows


def test_a_batch_in_parts_gives_the_loss_and_the_weights_of_the_whole(manifest: Manifest, tmp_path: Path) -> None:
    rows, weights = [], []
    for parts in (1, 2, 3):  # 3 does not divide 4
        settings = _settings(manifest, tmp_path / str(parts), accumulate=parts, knn_every=0, steps=2)
        pretrain(settings, manifest)
        rows.append(_figures(settings.out))
        trained = load_encoder(settings.out)
        weights.append(parameters_to_vector(trained.encoder.parameters()))
    learnt = weights[0] - parameters_to_vector(untrained_encoder(trained).encoder.parameters())
    for figures, found in zip(rows[1:], weights[1:], strict=True):
        for row, expected in zip(figures, rows[0], strict=True):
            assert row == pytest.approx(expected, rel=1e-2, abs=1e-3)
        assert (found - weights[0]).norm() < 0.01 * learnt.norm()


def test_one_part_alone_would_have_other_negatives(manifest: Manifest, tmp_path: Path) -> None:
    # what the test above would not notice if all negatives came from the part: the loss of 2 is below that of 4
    losses = []
    for size in (4, 2):
        settings = _settings(manifest, tmp_path / str(size), batch_size=size, knn_every=0, steps=1)
        pretrain(settings, manifest)
        losses.append(read_metrics(settings.out)[0]["loss"])
    assert losses[1] < 0.8 * losses[0]


def test_other_settings_are_refused_with_their_difference(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(manifest, tmp_path / "run")
    with _ended(monkeypatch, 4, Interrupted()), pytest.raises(Interrupted):
        pretrain(settings, manifest)
    before = {path: path.read_bytes() for path in settings.out.rglob("*") if path.is_file()}
    other = settings.model_copy(update={"learning_rate": 0.1, "alpha": (0.0, 0.0, 1.0), "log_every": 5})
    with pytest.raises(SettingsError) as caught:
        pretrain(other, manifest)
    assert str(caught.value).splitlines() == [
        f"{settings.out} holds a run of other settings, and a run is never resumed with others:",
        "  learning_rate: 0.05 in the run, 0.1 now",
        "  alpha: [0.25, 0.5, 1.0] in the run, [0.0, 0.0, 1.0] now",
        f"Give the same (--config {settings.out / 'settings.yaml'}), or write to another folder.",
    ]
    with pytest.raises(OverwriteError, match=r"holds a run and --resume is never: write to another folder, or remove"):
        pretrain(settings.model_copy(update={"resume": "never"}), manifest)
    fewer = Manifest(manifest.root, manifest.records[1:], side=manifest.side)
    with pytest.raises(CollectionError, match=r"run on other videos: of its 8, 1 gone \(0/0.mp4…\); 0 new"):
        pretrain(settings, fewer)
    assert {path: path.read_bytes() for path in settings.out.rglob("*") if path.is_file()} == before


def test_steps_are_not_changed_where_the_rate_depends_on_them(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", schedule="cosine", steps=2)
    pretrain(settings, manifest)
    with pytest.raises(SettingsError, match=r"\n  steps: 2 in the run, 3 now\n"):
        pretrain(settings.model_copy(update={"steps": 3}), manifest)


def test_a_run_of_another_kind(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", steps=1)
    pretrain(settings, manifest)
    with (settings.out / "settings.yaml").open("a") as file:
        file.write("dropout: 0.5\n")
    with pytest.raises(OverwriteError, match=r"holds a run of another kind: write to another folder\."):
        pretrain(settings, manifest)


def test_a_run_that_is_being_trained(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", steps=1)
    pretrain(settings, manifest)
    with (
        locked(settings.out / "run.lock"),
        pytest.raises(RunError, match=r"run is being trained by another process\. Wait for it, stop it, or write"),
    ):
        pretrain(settings.model_copy(update={"steps": 2}), manifest)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_used_when_asked(
    manifest: Manifest, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(manifest, tmp_path / "run")
    with _ended(monkeypatch, 6, Interrupted()), pytest.raises(Interrupted):
        pretrain(settings, manifest)
    newest = checkpoints(settings.out / "checkpoints")[-1]
    content = (newest / "weights.safetensors").read_bytes()
    (newest / "weights.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=rf"{newest} is damaged: weights.*--resume previous"):
        pretrain(settings, manifest)
    pretrain(settings.model_copy(update={"resume": "previous"}), manifest)
    assert newest.with_name(f"{newest.name}.damaged").exists()
    assert f"{newest} is damaged" in (settings.out / "log.txt").read_text()
    assert load_encoder(settings.out).checkpoint == load_encoder(undisturbed).checkpoint
    assert _figures(settings.out) == _figures(undisturbed)


def test_a_folder_with_no_more_than_the_beginning_of_a_run_is_begun_again(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", steps=1)
    settings.out.mkdir()
    (settings.out / "videos.json").write_text("{")
    (settings.out / ".settings.yaml.0123abcd.unfinished").mkdir()
    pretrain(settings, manifest)
    assert len(json.loads((settings.out / "videos.json").read_text())["used"]) == 8


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 75), pytest.param(signal.SIGUSR1, 75, marks=SLOW), pytest.param(signal.SIGINT, 130, marks=SLOW)],
)
def test_a_signal_saves_and_ends_and_the_same_command_goes_on(
    manifest: Manifest,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
) -> None:
    settings = _settings(manifest, tmp_path / "run")
    step = loop._Training.step

    def signalled(self: Any, at: int, batch: ClipBatch, *, watched: bool) -> object:
        if at == 3:
            signal.raise_signal(number)
        return step(self, at, batch, watched=watched)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "step", signalled)
        with pytest.raises(Stopped, match=rf"stopped by {number.name} after step 3 of {STEPS}; all is saved") as caught:
            pretrain(settings, manifest)
    assert caught.value.exit_code == code
    assert checkpoints(settings.out / "checkpoints")[-1].name == "step-000003"
    pretrain(settings, manifest)
    assert load_encoder(settings.out).checkpoint == load_encoder(undisturbed).checkpoint


def test_weights_that_went_wrong_are_not_saved(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(manifest, tmp_path / "run", knn_every=0)
    step = loop._Training.step

    def breaking(self: Any, at: int, batch: ClipBatch, *, watched: bool) -> object:
        loss = step(self, at, batch, watched=watched)
        if at == 4:
            next(self.job.method.parameters()).data.view(-1)[0] = torch.inf
        return loss

    monkeypatch.setattr(loop._Training, "step", breaking)
    with pytest.raises(
        TrainingError, match=r"weights are no finite numbers any more after step 4\. The last good .*002"
    ):
        pretrain(settings, manifest)
    assert [path.name for path in checkpoints(settings.out / "checkpoints")] == ["step-000002"]


def test_a_full_disk_is_told_and_earlier_checkpoints_stay(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(manifest, tmp_path / "run", knn_every=0)
    with (
        _ended(monkeypatch, 4, OSError(28, "No space left on device")),
        pytest.raises(RunError, match=r"cannot be written: No space left on device\. .* Its checkpoints are whole"),
    ):
        pretrain(settings, manifest)
    assert [path.name for path in checkpoints(settings.out / "checkpoints")] == ["step-000002"]
    with _ended(monkeypatch, 4, OSError(5, "Input/output error")), pytest.raises(OSError, match="Input/output"):
        pretrain(settings, manifest)


def test_the_best_evaluated_checkpoint_is_kept(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.6, 0.4, 0.6, 0.5, 0.1, 0.3, 0.2])
    monkeypatch.setattr("unreel.training.pretrain._evaluation", lambda *_: lambda _: {"knn/class": next(scores)})
    settings = _settings(manifest, tmp_path / "run", knn_every=1, checkpoint_every=1, keep=1)
    pretrain(settings, manifest)
    found = [path.name for path in checkpoints(settings.out / "checkpoints")]
    assert found == ["step-000001", f"step-{STEPS:06d}"]


def test_more_parts_than_videos(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="accumulate is 5, but a process has 4 videos of a batch: give 4 or less"):
        pretrain(_settings(manifest, tmp_path / "run", accumulate=5), manifest)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"accumulate": 2}, {"checkpoint_activations": True}])
def test_batch_norm_counts_no_clip_twice(manifest: Manifest, tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="norm is batch, whose statistics would count every clip twice"):
        _settings(manifest, tmp_path / "run", norm="batch", **changes)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory.\nTried"),
            TrainingError,
            r"memory is full \(CUDA out of memory\.\)\. Run the same command with --accumulate 4 or --checkpoint-activ",
        ),
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"),
            TrainingError,
            r"another process of this run is gone \(.*Connection closed by peer.*\)\. See what it said",
        ),
    ],
)
def test_what_is_no_fault_of_the_program_is_told(
    manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: type[Exception],
    words: str,
) -> None:
    settings = _settings(manifest, tmp_path / "run", accumulate=2, knn_every=0)
    with _ended(monkeypatch, 1, error), pytest.raises(kind, match=words):
        pretrain(settings, manifest)
    with _ended(monkeypatch, 1, RuntimeError("a fault")), pytest.raises(RuntimeError, match="a fault"):
        pretrain(settings, manifest)


@pytest.mark.slow
def test_a_compiled_encoder_learns_the_same(manifest: Manifest, tmp_path: Path) -> None:
    # by the command: what checks all shapes in tests cannot be compiled
    plain, compiled = (_settings(manifest, tmp_path / name, knn_every=0, steps=2) for name in ("plain", "compiled"))
    pretrain(plain, manifest)
    command = [sys.executable, "-m", "unreel", "pretrain", str(manifest.root), "--out", str(compiled.out), "--compile"]
    command += ["--config", str(plain.out / "settings.yaml")]
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    without = {**os.environ, **caches, "CXX": "no-such-compiler"}
    skipped = subprocess.run(command, env=without, capture_output=True, text=True, timeout=300)
    assert skipped.returncode == 2
    assert "could not be compiled (" in skipped.stderr
    assert "without --compile, or install the compiler that it needs" in skipped.stderr
    assert "Traceback" not in skipped.stderr
    if which("g++") is None:
        pytest.skip("no g++ to compile with")
    subprocess.run(command, env={**os.environ, **caches}, check=True, timeout=300)
    for row, expected in zip(_figures(compiled.out), _figures(plain.out), strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-3)
