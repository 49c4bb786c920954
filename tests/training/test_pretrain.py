"""A pretraining run on real files: what it leaves, that it repeats, and how it rejects."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip
from running import pretrain_on as pretrain

from unreel import recipes
from unreel.checkpoint import load_encoder, untrained_encoder
from unreel.errors import CollectionError, OverwriteError, SettingsError, TrainingError
from unreel.methods.hdc import HDC
from unreel.rng import generator
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import read_settings
from unreel.training.loop import TrainingJob
from unreel.training.metrics import read_metrics
from unreel.training.pretrain import check_method
from unreel.types import ClipBatch
from unreel.video.clips.datasets import region
from unreel.video.clips.loading import collate
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("pretrain")
    for number in range(6):
        Clip(width=48, height=40, frames=24).write(folder / "videos" / f"class {number % 2}" / f"{number}.mp4")
    Clip(width=48, height=40, frames=9).write(folder / "videos" / "class 0" / "short.mp4")
    (folder / "videos" / "class 1" / "text.mp4").write_text("no video")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(38))


def _settings(manifest: Manifest, out: Path, **changes: object) -> HDCSettings:
    small = {"width": 0.0625, "size": 32, "batch_size": 3, "steps": 4, "loader_workers": 0, "log_every": 2}
    return HDCSettings.model_validate({"folder": manifest.root, "out": out, **small, **changes})


def test_the_run_folder(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", checkpoint_every=3, knn_every=4)
    pretrain(settings, manifest)
    run = settings.out
    assert read_settings(HDCSettings, run / "settings.yaml") == settings
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "step-000003",
        "step-000004",
    ]
    lines = read_metrics(run)
    assert [line["step"] for line in lines] == [0, 1, 2, 4, 4]
    assert lines[0].keys() == {"step", "knn/class"}
    expected = {"loss", "loss/spatial_3", "loss/temporal_5", "accuracy/temporal_5", "seconds/data", "gradient_norm"}
    expected |= {"alignment/spatial_3", "uniformity/spatial_4", "rank/temporal_5", "learning_rate"}
    assert expected <= lines[1].keys()
    assert lines[1]["gradient_norm"] > 0
    videos = json.loads((run / "videos.json").read_text())
    assert len(videos["used"]) == 6
    assert videos["left_out"]["class 0/short.mp4"] == "too short: 9 frames, 16 are needed"
    assert "class 1/text.mp4" in videos["left_out"]
    assert any((run / "tensorboard").iterdir())
    assert "finished 4 steps" in (run / "log.txt").read_text()
    assert json.loads((run / "versions.json").read_text()).keys() >= {"unreel", "torch", "command", "machine"}
    assert load_encoder(run).checkpoint != untrained_encoder(load_encoder(run)).checkpoint


@pytest.mark.slow
def test_the_same_settings_give_the_same_weights_with_any_number_of_workers(manifest: Manifest, tmp_path: Path) -> None:
    hashes = set()
    for workers in (0, 1):
        settings = _settings(manifest, tmp_path / f"run {workers}", loader_workers=workers, knn_every=2 * workers)
        pretrain(settings, manifest)
        hashes.add(load_encoder(settings.out).checkpoint)
    assert len(hashes) == 1


def test_watching_changes_nothing(manifest: Manifest, tmp_path: Path) -> None:
    for every in (1, 4):
        pretrain(_settings(manifest, tmp_path / str(every), log_every=every), manifest)
    assert load_encoder(tmp_path / "1").checkpoint == load_encoder(tmp_path / "4").checkpoint


def test_the_gradient_norm_is_that_of_all_gradients_together(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms = []
    step = torch.optim.SGD.step

    def noted(self: torch.optim.SGD, *arguments: object) -> object:
        every = [each.grad.double().flatten() for group in self.param_groups for each in group["params"]]
        norms.append(torch.cat(every).norm().item())
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.SGD, "step", noted)
    pretrain(_settings(manifest, tmp_path / "run", log_every=1, knn_every=0), manifest)
    written = [line["gradient_norm"] for line in read_metrics(tmp_path / "run")]
    assert written == pytest.approx(norms, rel=1e-5)


def test_what_is_excluded_is_not_learnt_from(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", exclude="^class 0/", batch_size=2, knn_every=0)
    pretrain(settings, manifest)
    videos = json.loads((settings.out / "videos.json").read_text())
    assert videos["used"]
    assert not any(each.startswith("class 0/") for each in videos["used"])
    reasons = {each: why for each, why in videos["left_out"].items() if each.startswith("class 0/")}
    assert "excluded by '^class 0/'" in reasons.values()


def test_a_wrong_pattern_is_told_before_anything_is_prepared(manifest: Manifest, tmp_path: Path) -> None:
    wrong = _settings(manifest, tmp_path / "wrong", exclude="(")
    for step in (partial(check_method, wrong), partial(pretrain, wrong, manifest)):
        with pytest.raises(SettingsError, match=r"exclude '\(' is not a regular expression"):
            step()


def test_scratch_leaves_the_untrained_encoder(manifest: Manifest, tmp_path: Path) -> None:
    settings = _settings(manifest, tmp_path / "run", **recipes.changes("scratch"))
    pretrain(settings, manifest)
    encoder = load_encoder(settings.out)
    assert encoder.checkpoint == untrained_encoder(encoder).checkpoint
    assert encoder.name == "scratch"


def test_labels_are_never_learned_from(manifest: Manifest, tmp_path: Path) -> None:
    blind = Manifest(
        manifest.root,
        tuple(type(record)(**(vars(record) | {"labels": {}, "group": ""})) for record in manifest),
        side=manifest.side,
    )
    for name, collection in (("with", manifest), ("without", blind)):
        pretrain(_settings(manifest, tmp_path / name), collection)
    assert load_encoder(tmp_path / "with").checkpoint == load_encoder(tmp_path / "without").checkpoint


def test_an_existing_run_is_not_overwritten(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("mine")
    with pytest.raises(OverwriteError, match="run exists already and nothing is overwritten: write to another place"):
        pretrain(_settings(manifest, tmp_path / "run"), manifest)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["precious"]


def test_fewer_videos_than_a_batch(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"6 videos of at least 16 frames \(2 files left out\), a batch needs 7"):
        pretrain(_settings(manifest, tmp_path / "run", batch_size=7), manifest)
    assert not (tmp_path / "run").exists()


def test_prepared_too_small(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"prepared at 38 pixels, the encoder's input is 112.*--side 128"):
        pretrain(_settings(manifest, tmp_path / "run", size=112), manifest)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_batch(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unreel.methods.hdc import HDC

    forward = HDC.forward

    def broken(self: HDC, batch: ClipBatch) -> dict[str, torch.Tensor]:
        factor = torch.nan if batch.epoch else 1.0
        return {name: factor * each for name, each in forward(self, batch).items()}

    monkeypatch.setattr(HDC, "forward", broken)
    good = tmp_path / "run" / "checkpoints" / "step-000002"
    words = rf"the loss of step 3 is nan.*last good checkpoint is {good}\. The batch was: class.*lower --learning-rate"
    with pytest.raises(TrainingError, match=words):
        pretrain(_settings(manifest, tmp_path / "run", knn_every=0, checkpoint_every=2), manifest)
    assert load_encoder(tmp_path / "run" / "checkpoints" / "step-000002").name == "hdc"
    assert "ended by TrainingError" in (tmp_path / "run" / "log.txt").read_text()


def _in_parts(manifest: Manifest) -> Manifest:
    """The manifest with a split of which every third video is held out, two of them known from training."""
    parts = {
        record.id: replace(
            record, splits={"1": "test" if number % 3 == 2 else "train"}, checksum=record.id, group=f"g{number}"
        )
        for number, record in enumerate(manifest.usable)
    }
    return replace(manifest, records=tuple(parts.get(record.id, record) for record in manifest))


def test_only_the_training_part_of_a_split_is_learnt_from(manifest: Manifest, tmp_path: Path) -> None:
    collection = _in_parts(manifest)
    allowed = ("near duplicate",)  # all these videos show the same
    pretrain(_settings(manifest, tmp_path / "run", split="1", allow_leaks=allowed), collection)
    videos = json.loads((tmp_path / "run" / "videos.json").read_text())
    long = {record.id for record in collection.usable if record.frames >= 16}
    assert set(videos["used"]) == {record.id for record in collection.parts("1")["train"]} & long
    held_out = collection.parts("1")["test"]
    assert {videos["left_out"][record.id] for record in held_out} == {"not in the training part of split 1"}


def test_a_split_that_leaks_is_not_learnt_from(manifest: Manifest, tmp_path: Path) -> None:
    collection = _in_parts(manifest)
    with pytest.raises(CollectionError, match=r"Of the videos that split '1' holds out, 2 are known from training"):
        pretrain(_settings(manifest, tmp_path / "run", split="1"), collection)
    with pytest.raises(CollectionError, match=r"has no split '2'. Its splits are: 1\."):
        pretrain(_settings(manifest, tmp_path / "run", split="2"), collection)
    assert not (tmp_path / "run").exists()


def test_embeddings_that_are_all_alike_are_told_once(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unreel.training.advice.SETTLED", 4)
    settings = {"steps": 8, "log_every": 2, "knn_every": 0, "alpha": (0.0, 0.0, 1.0), "beta": (0.0, 0.0, 0.0)}
    pretrain(_settings(manifest, tmp_path / "spread", **settings), manifest)
    assert "all alike" not in (tmp_path / "spread" / "log.txt").read_text()
    monkeypatch.setattr("unreel.training.advice.COLLAPSED", -5)  # everything is alike
    pretrain(_settings(manifest, tmp_path / "run", **settings), manifest)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert log.count("step 4: uniformity/spatial_5 near 0: these embeddings are all alike; try --standardise") == 1
    assert log.count("all alike") == 1


def test_much_waiting_is_told_once(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laps = {"seconds/data": 0.3, "seconds/compute": 0.7, "seconds/step": 1.0}
    monkeypatch.setattr("unreel.training.loop.StepTimer.lap", lambda _: laps)
    pretrain(_settings(manifest, tmp_path / "run", steps=8, log_every=2, knn_every=0), manifest)
    log = (tmp_path / "run" / "log.txt").read_text()
    told = f"30 % of the time is spent waiting for data; see unreel bench loading {manifest.root}"
    assert log.count(told) == 1
    assert f"step 4: {told}" in log


PLAIN = {"in_temporal_contrast": False}
NO_CHANCE = dict.fromkeys(("crop", "scale_jitter", "flip", "colour_jitter", "channel_replication"), False)


def _grey_noise(number: int, width: int, height: int) -> np.ndarray:
    levels = np.random.default_rng(number).integers(256, size=(height // 2, width // 2, 1), dtype=np.uint8)
    return levels.repeat(2, 0).repeat(2, 1).repeat(3, 2)


@pytest.fixture(scope="module")
def oblong(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A wide and a tall video of one clip's length: the only draw that is left is the place of the region."""
    folder = tmp_path_factory.mktemp("oblong")
    for name, width, height in (("wide", 96, 32), ("tall", 32, 96)):
        Clip(width=width, height=height, frames=16, pictures=_grey_noise).write(folder / "videos" / f"{name}.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(32))


@pytest.mark.parametrize(("switched_off", "plain"), [({}, ""), (PLAIN, "t"), ({"crop": False}, ""), (NO_CHANCE, "ost")])
def test_a_plain_view_is_the_centre_of_the_frame_and_the_others_are_as_they_were(
    switched_off: dict[str, bool], plain: str, oblong: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[TrainingJob] = []
    monkeypatch.setattr("unreel.training.pretrain.train", jobs.append)
    changes = {"size": 28, "batch_size": 2, "augmentation": switched_off}
    for seed in range(5):
        pretrain(_settings(oblong, tmp_path, seed=seed, **changes), oblong)
        (job, whole), epoch = (jobs.pop(), PyAVReader(prepared=True)), 7 * seed
        method = job.method
        assert isinstance(method, HDC)
        batch = collate([job.dataset[epoch, row] for row in range(2)])
        for row, record in enumerate(oblong.usable):
            (clip,) = whole.read_clips(oblong.file(record), [0], 16)
            top, left = ((side - 28) // 2 for side in clip.luma.shape[1:])
            luma = torch.from_numpy(clip.luma[:, top : top + 28, left : left + 28])
            centre = ((luma.float() - 16) / 219 * 2 - 1).clamp(-1, 1).expand(3, -1, -1, -1)
            for view in "ost":
                assert torch.allclose(method.view(batch, view)[row], centre, atol=1e-2) == (view in plain)
            places = generator(seed, "regions", epoch, record.id).random((2, 2))
            for number, drawn in enumerate(job.settings.augmentation.random_regions):  # type: ignore[attr-defined]
                place = places[number] if drawn else (0.5, 0.5)
                assert np.array_equal(batch.luma[row, number].numpy(), region(clip, 32, place).luma)
