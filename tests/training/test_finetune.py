"""Fine-tuning on real files: what it leaves, that it goes on exactly, and what of the encoder it changes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip, cut
from jaxtyping import UInt8
from safetensors.torch import load_file
from torch import Tensor

from unreel import models
from unreel.checkpoint import WeightsHeader, read_weights, save_weights
from unreel.errors import CheckpointError, OverwriteError, SettingsError
from unreel.evaluation.recognition import Recognition, read_recognition
from unreel.settings.encoder import EncoderSettings
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import read_settings, written
from unreel.training.finetune import RESULT, finetune, resolved
from unreel.training.loop import TrainingJob
from unreel.training.metrics import read_metrics
from unreel.training.task import choose_task
from unreel.video.clips.datasets import region
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader

ENCODER = EncoderSettings(name="r2plus1d10", width=0.0625, size=28, clip_length=8)
WIDTHS = {"fine": 3, "wide": 10}


def stripes(width: int, offset: int) -> Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]]:
    """Pictures of upright stripes that move from one to the next."""

    def draw(number: int, columns: int, rows: int) -> UInt8[np.ndarray, "h w 3"]:
        light = ((np.arange(columns) + number + offset) // width) % 2 * 160 + 40
        return np.broadcast_to(light[None, :, None], (rows, columns, 3)).astype(np.uint8)

    return draw


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Two classes of stripes, four videos of each, the last of them of group g1; one is shorter than a clip."""
    folder = tmp_path_factory.mktemp("finetune")
    for label, stripe in WIDTHS.items():
        for number in range(4):
            frames = 5 if (label, number) == ("wide", 0) else 20 + number
            pictures = stripes(stripe, offset=5 * number)
            Clip(width=48, height=40, frames=frames, pictures=pictures).write(
                folder / "videos" / label / f"g{number // 3}_{number}.mp4"
            )
    (folder / "videos" / "fine" / "g1_text.mp4").write_text("no video")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(32, group_pattern="(g[0-9])_"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of an encoder that something else has trained."""
    torch.manual_seed(5)
    state = {f"encoder.{name}": each for name, each in models.build_from(ENCODER).state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_weights(path, {**state, "projections.o5.weight": torch.ones(2, 2)}, WeightsHeader(ENCODER, "hdc", 5), step=100)
    return path


def _settings(manifest: Manifest, out: Path, weights: Path | None, **changes: object) -> FinetuneSettings:
    values: dict[str, object] = {"folder": manifest.root, "out": out, "weights": weights, "batch_size": 3, "steps": 4}
    values |= {"loader_workers": 0, "accelerator": "cpu", "devices": 1, "log_every": 2, "test_groups": ("g1",)}
    return FinetuneSettings.model_validate(values | changes)


def _run(settings: FinetuneSettings, manifest: Manifest) -> Recognition | None:
    settings = resolved(settings)
    return finetune(settings, choose_task(settings, manifest))


def _encoder(run: Path) -> dict[str, Tensor]:
    return {name: each for name, each in read_weights(run).state.items() if name.startswith("encoder.")}


def _equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_run_folder(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", weights, test_every=2)
    found = _run(settings, manifest)
    run = settings.out
    assert found is not None
    assert read_recognition(run / RESULT) == found
    assert (found.seen, found.expected, found.step) == (2, 3, 4)
    assert list(found.missing) == ["fine/g1_text.mp4"]
    assert (found.label, found.classes, found.split) == ("class", ("fine", "wide"), "groups g1, test")
    left = read_weights(run)
    assert (left.origin.encoder, left.origin.classes, left.origin.label) == (ENCODER, ("fine", "wide"), "class")
    written = read_settings(FinetuneSettings, run / "settings.yaml")
    assert written.encoder_settings == ENCODER
    rows = read_metrics(run)
    assert [row["step"] for row in rows if "test/video/top1" in row] == [0, 2, 4]
    last = next(row for row in rows if row["step"] == 4 and "loss" in row)
    assert {"loss/cross_entropy", "accuracy/top1", "learning_rate"} <= last.keys()
    assert (
        next(row for row in rows if row["step"] == 4 and "test/video/top1" in row)["test/video/top1"]
        == (found.figures["video/top1"])
    )
    videos = json.loads((run / "videos.json").read_text())
    assert len(videos["used"]) == 6
    assert videos["left_out"]["wide/g1_3.mp4"] == "not in the training part of split groups g1"


def test_it_learns_to_tell_what_it_has_not_seen(manifest: Manifest, tmp_path: Path) -> None:
    changes = {"encoder": "c3d", "width": 0.125, "size": 28, "clip_length": 8}
    found = _run(_settings(manifest, tmp_path / "run", None, steps=60, batch_size=6, **changes), manifest)
    assert found is not None
    assert found.figures == {"video/top1": 1.0, "clip/top1": 1.0}
    assert read_weights(tmp_path / "run").origin.recipe == "scratch"


@pytest.mark.parametrize("dies_after", [1, 3])
def test_a_run_that_stopped_goes_on_as_if_it_had_not(
    manifest: Manifest, weights: Path, tmp_path: Path, dies_after: int
) -> None:
    gone = tmp_path / "gone.safetensors"
    gone.write_bytes(weights.read_bytes())
    whole = _settings(manifest, tmp_path / "whole", gone, norm="instance")
    expected = _run(whole, manifest)
    parts = whole.model_copy(update={"out": tmp_path / "parts"})
    _run(parts.model_copy(update={"steps": dies_after}), manifest)
    gone.unlink()  # a run that has begun needs them no more
    assert _run(parts, manifest) == expected
    assert _equal(read_weights(whole.out).state, read_weights(parts.out).state)
    assert (whole.out / "weights.safetensors").read_bytes() == (parts.out / "weights.safetensors").read_bytes()


def test_a_run_whose_checkpoints_are_all_damaged_begins_with_its_weights_again(
    manifest: Manifest, weights: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.safetensors"
    gone.write_bytes(weights.read_bytes())
    settings = _settings(manifest, tmp_path / "run", gone, resume="previous")
    _run(settings, manifest)
    final, checkpoint = settings.out / "weights.safetensors", settings.out / "checkpoints" / "step-000004"
    expected = final.read_bytes()

    final.unlink()
    cut(checkpoint / "weights.safetensors", 0.5)
    _run(settings, manifest)
    assert final.read_bytes() == expected

    final.unlink()
    cut(checkpoint / "weights.safetensors", 0.5)
    gone.unlink()
    with pytest.raises(CheckpointError, match=r"gone\.safetensors holds no weights"):
        _run(settings, manifest)


def test_how_it_is_computed_changes_nothing(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    _run(_settings(manifest, tmp_path / "plain", weights), manifest)
    _run(_settings(manifest, tmp_path / "other", weights, loader_workers=1, checkpoint_activations=True), manifest)
    assert _equal(read_weights(tmp_path / "plain").state, read_weights(tmp_path / "other").state)


def test_a_batch_computed_in_parts_is_the_same_step_but_for_rounding(
    manifest: Manifest, weights: Path, tmp_path: Path
) -> None:
    for name, parts in (("whole", 1), ("parts", 3)):  # one step only: rounding grows from step to step
        _run(_settings(manifest, tmp_path / name, weights, accumulate=parts, steps=1), manifest)
    whole, first = read_weights(tmp_path / "whole").state, load_file(weights)
    for name, each in read_weights(tmp_path / "parts").state.items():
        torch.testing.assert_close(each, whole[name], atol=1e-5, rtol=1e-5, msg=name)
    name = "encoder.block5.conv1.temporal.weight"
    assert (whole[name] - first[name]).abs().max() > 1e-3  # it is a step


def test_a_finished_run_is_not_trained_again_and_its_test_made_anew_only_if_it_is_gone(
    manifest: Manifest, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(manifest, tmp_path / "run", weights)
    found, before = _run(settings, manifest), (tmp_path / "run" / RESULT).stat().st_mtime_ns
    assert _run(settings, manifest) == found
    assert (tmp_path / "run" / RESULT).stat().st_mtime_ns == before
    (tmp_path / "run" / RESULT).unlink()
    monkeypatch.setattr(torch.optim.SGD, "step", None)
    assert _run(settings, manifest) == found
    assert read_recognition(tmp_path / "run" / RESULT) == found


def test_a_longer_run_is_tested_again(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    _run(_settings(manifest, tmp_path / "run", weights, steps=2), manifest)
    longer = _run(_settings(manifest, tmp_path / "run", weights, steps=3), manifest)
    assert longer is not None
    assert longer.step == read_recognition(tmp_path / "run" / RESULT).step == 3


def test_a_linear_probe_leaves_the_encoder_as_it_was(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    first = {name: each for name, each in load_file(weights).items() if name.startswith("encoder.")}
    _run(_settings(manifest, tmp_path / "probe", weights, frozen=True), manifest)
    assert _equal(_encoder(tmp_path / "probe"), first)
    _run(_settings(manifest, tmp_path / "tuned", weights, frozen_levels=2), manifest)
    tuned = _encoder(tmp_path / "tuned")
    same = {name.split(".")[1] for name, each in first.items() if torch.equal(each, tuned[name])}
    assert {"stem", "norm", "block2"} <= same
    assert not torch.equal(tuned["encoder.block5.conv2.spatial.weight"], first["encoder.block5.conv2.spatial.weight"])


def test_lower_blocks_learn_more_slowly_with_layer_decay(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    first = load_file(weights)
    changes = {"steps": 1, "momentum": 0.0, "l2": 0.0}
    _run(_settings(manifest, tmp_path / "alike", weights, **changes), manifest)
    _run(_settings(manifest, tmp_path / "decayed", weights, layer_decay=0.5, **changes), manifest)
    alike, decayed = _encoder(tmp_path / "alike"), _encoder(tmp_path / "decayed")
    for name, share in {"encoder.stem.spatial.weight": 0.5**5, "encoder.block5.conv1.temporal.weight": 0.5}.items():
        ratio = (decayed[name] - first[name]).norm() / (alike[name] - first[name]).norm()
        assert ratio.item() == pytest.approx(share, rel=1e-2)


def test_without_anything_held_out_nothing_is_tested(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", weights, test_groups=(), steps=1)
    assert _run(settings, manifest) is None
    assert not (tmp_path / "run" / RESULT).exists()


def test_weights_that_are_not_there_or_contradicted_are_refused_before_anything_is_made(
    manifest: Manifest, weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="nothing holds no weights"):
        resolved(_settings(manifest, tmp_path / "run", tmp_path / "nothing"))
    with pytest.raises(SettingsError, match=r"encoder is 'c3d', but the encoder of .* has 'r2plus1d10'"):
        resolved(_settings(manifest, tmp_path / "run", weights, encoder="c3d"))
    with pytest.raises(SettingsError, match="C3D cannot encode clips of 4 frames"):
        resolved(_settings(manifest, tmp_path / "run", None, encoder="c3d", clip_length=4))
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_kind_or_other_weights_is_not_gone_on_with(
    manifest: Manifest, weights: Path, tmp_path: Path
) -> None:
    settings = _settings(manifest, tmp_path / "run", weights, steps=1)
    _run(settings, manifest)
    other = tmp_path / "other.safetensors"
    state = {name: each + 1 for name, each in load_file(weights).items()}
    save_weights(other, state, WeightsHeader(ENCODER, "hdc", 5), step=100)
    with pytest.raises(SettingsError, match=r"holds a run of other settings(.|\n)*weights_hash: '.*' in the run"):
        _run(settings.model_copy(update={"weights": other}), manifest)
    with pytest.raises(SettingsError, match=r"weights_hash: '.*' in the run, None now"):
        _run(settings.model_copy(update={"weights": None}), manifest)
    pretraining = HDCSettings(folder=tmp_path, out=settings.out)
    (settings.out / "settings.yaml").write_text(written(pretraining))
    with pytest.raises(OverwriteError, match="run holds a run of another kind: write to another folder"):
        resolved(settings)


def test_weights_may_lie_elsewhere_when_a_run_goes_on(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", weights, steps=1)
    _run(settings, manifest)
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(weights.read_bytes())
    _run(settings.model_copy(update={"weights": moved, "steps": 2}), manifest)
    assert read_weights(settings.out).step == 2


def test_a_settings_file_means_the_weights_that_it_names(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    first = resolved(_settings(manifest, tmp_path / "run", weights))
    assert resolved(first) == first
    with pytest.raises(SettingsError, match=rf"weights {first.weights_hash}, expected 0123 as the settings say\. Name"):
        resolved(first.model_copy(update={"weights_hash": "0123"}))


def test_videos_that_are_gone_from_the_test_are_counted(manifest: Manifest, weights: Path, tmp_path: Path) -> None:
    settings = resolved(_settings(manifest, tmp_path / "run", weights, steps=1))
    task = choose_task(settings, manifest)
    assert task.test is not None
    videos = tuple(replace(each, path="gone.mp4") if "fine" in each.id else each for each in task.test.videos)
    found = finetune(settings, replace(task, test=replace(task.test, videos=videos)))
    assert found is not None
    assert (found.seen, found.expected) == (1, 3)
    assert found.missing["fine/g1_3.mp4"].startswith("fine/g1_3.mp4 cannot be read any more")


@pytest.mark.parametrize("crop", [True, False])
def test_without_crop_the_centre_of_the_frame_is_learnt_from(
    crop: bool, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[TrainingJob] = []
    monkeypatch.setattr("unreel.training.finetune.train", jobs.append)
    augmentation = {"crop": crop, "colour_jitter": False, "channel_replication": False}
    _run(_settings(manifest, tmp_path, None, test_groups=(), size=28, augmentation=augmentation), manifest)
    row, record = next((row, each) for row, each in enumerate(manifest.usable) if each.frames == 5)  # looped
    (clip,) = PyAVReader(prepared=True).read_clips(manifest.file(record), [0], 5)
    centre = region(clip, manifest.side, (0.5, 0.5)).luma
    same = [np.array_equal(jobs[0].dataset[epoch, row].luma[0, :5], centre) for epoch in range(9)]
    assert all(same) == (not crop)
