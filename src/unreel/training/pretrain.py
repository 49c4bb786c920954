"""Pretraining, readable from top to bottom."""

import math
import os
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, final

import torch
from lightning_fabric import Fabric

from unreel.chance import generator
from unreel.checkpoint import save_weights
from unreel.checkpoint.weights import FINAL
from unreel.engine.memory import keep_freed_memory
from unreel.engine.outputs import check_free
from unreel.engine.processors import cores_per_process
from unreel.engine.progress import Bar
from unreel.errors import CollectionError, TrainingError
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.retrieval import judge, judgeable_labels, labels_of, rank
from unreel.methods import HDC
from unreel.settings.pretraining import PretrainSettings
from unreel.training.optimization import keras_decay, sgd
from unreel.training.pace import Pace
from unreel.training.run import RunFolder
from unreel.types import ClipBatch, Loss
from unreel.video.datasets import PretrainDataset
from unreel.video.leaks import check_leaks, leaks
from unreel.video.loading import pretrain_batches
from unreel.video.manifest import Manifest, VideoRecord

# The judgements on the way are rough figures, cheap enough to take often.
KNN_CLIPS = 2
KNN_VIDEOS = 2000
MUCH_WAITING = 0.1
"""The share of the time spent waiting for data above which the log says so, once."""


def pretrain(settings: PretrainSettings, manifest: Manifest) -> None:
    """Train on the usable videos of `manifest` and leave the run folder `settings.out`.

    Raises:
        OverwriteError: the run folder exists already.
        CollectionError: fewer usable videos than a batch needs, or prepared smaller than the encoder's input.
        SettingsError: the encoder does not exist with these settings, or the clips are too small for it.
        TrainingError: the loss is not finite.
    """
    check_free(settings.out)
    videos, left_out = choose_videos(settings, manifest)
    torch.manual_seed(settings.seed)
    method = HDC(settings)
    with RunFolder(settings.out, settings) as run:
        run.note_videos([video.id for video in videos], left_out)
        training = _Training(method, run, manifest, videos)
        training.judge(step=0)
        with closing(training.batches()) as batches, Bar("pretraining", settings.steps) as bar:
            for step in range(1, settings.steps + 1):
                with training.pace.data():
                    batch = next(batches)
                watched = step % settings.log_every == 0 or step in (1, settings.steps)
                with training.pace.compute():
                    loss = training.step(step, batch, watched=watched)
                bar.advance(note=f"loss {loss.total.item():.3f} · {training.pace}")
                if watched:
                    training.measure(step, loss)
                if _due(step, settings.checkpoint_every, settings.steps):
                    training.save(f"checkpoints/step-{step:06d}.safetensors", step)
                if _due(step, settings.knn_every, settings.steps):
                    training.judge(step)
        training.save(FINAL, settings.steps)
        run.log.info("finished %d steps in %.0f seconds", settings.steps, training.pace.seconds)


def check_method(settings: PretrainSettings) -> None:
    """Nothing, if the method can be built: to be called before a long preparation.

    Raises:
        SettingsError: the encoder does not exist with these settings, or the clips are too small for it.
    """
    with torch.device("meta"):
        HDC(settings)


def choose_videos(settings: PretrainSettings, manifest: Manifest) -> tuple[list[VideoRecord], dict[str, str]]:
    """The videos to learn from, and the id and reason of every file left out.

    Raises:
        CollectionError: too few, too small, no such split, or one that holds out a video known from its training part.
    """
    needed = settings.size
    if manifest.side < needed:
        raise CollectionError(
            f"{manifest.root} was prepared at {manifest.side} pixels, the encoder's input is {needed}. "
            f"Prepare it again with --side {settings.encoder_settings.prepared_side}, or choose a smaller --size."
        )
    left_out = {record.id: record.reason for record in manifest.refused}
    usable = _part(settings, manifest)
    if settings.split is not None:
        kept = {record.id for record in usable}
        reason = f"not in the training part of split {settings.split}"
        left_out |= {record.id: reason for record in manifest.usable if record.id not in kept}
    short = [record for record in usable if record.frames < settings.clip_length]
    left_out |= {each.id: f"too short: {each.frames} frames, a clip has {settings.clip_length}" for each in short}
    videos = [record for record in usable if record.frames >= settings.clip_length]
    if len(videos) < settings.batch_size:
        raise CollectionError(
            f"{manifest.source or manifest.root} holds {len(videos)} videos of at least {settings.clip_length} frames "
            f"({len(left_out)} files left out), a batch needs {settings.batch_size}. "
            f"Add videos or choose --batch-size {max(len(videos), 2)} or less."
        )
    return videos, left_out


def _part(settings: PretrainSettings, manifest: Manifest) -> Sequence[VideoRecord]:
    """All usable videos, or those of the training part of a split from which no other is known."""
    if settings.split is None:
        return manifest.usable
    parts = manifest.parts(settings.split)
    check_leaks(leaks(manifest, settings.split), settings.split, settings.allow_leaks)
    return parts.get("train", ())


@final
class _Training:
    """What a run needs from step to step."""

    def __init__(self, method: HDC, run: RunFolder, manifest: Manifest, videos: list[VideoRecord]) -> None:
        self.method, self.run, self.manifest, self.videos = method, run, manifest, videos
        self.settings = settings = method.settings
        self.fabric = Fabric(accelerator=settings.accelerator, devices=1, precision=settings.precision)
        if self.fabric.device.type == "cpu":
            keep_freed_memory()
            if "OMP_NUM_THREADS" not in os.environ:
                torch.set_num_threads(cores_per_process())  # torch does not know of a container's share
        run.log.info("%d videos, on %s", len(videos), self.fabric.device)
        self.pace = Pace()
        self._told = False
        optimizer = sgd(self.method, settings)
        self.schedule = keras_decay(optimizer, settings)
        self.model: Any
        self.optimizer: Any
        self.model, self.optimizer = self.fabric.setup(self.method, optimizer)

    def batches(self) -> Generator[ClipBatch, None, None]:
        """Batches without end, made ready for the device that computes."""
        settings = self.settings
        dataset = PretrainDataset(self.manifest, self.videos, settings.clip_length, settings.seed)
        return pretrain_batches(
            dataset,
            settings.batch_size,
            settings.seed,
            workers=settings.loader_workers,
            device=self.fabric.device.type,
        )

    def step(self, step: int, batch: ClipBatch, *, watched: bool) -> Loss:
        """Learn from one batch; `watched` adds the figures that show collapse and the norm of all gradients."""
        loss: Loss = self.model(batch.to(self.fabric.device), watched=watched)
        if not math.isfinite(loss.total.item()):
            self.save(f"checkpoints/step-{step - 1:06d}.safetensors", step - 1)
            raise TrainingError(
                f"the loss of step {step} is {loss.total.item()}, expected a finite number. The weights before this "
                f"step are in {self.settings.out}/checkpoints; the batch was: {', '.join(batch.ids)}. "
                "Look at these videos, or try a lower --learning-rate."
            )
        self.optimizer.zero_grad()
        self.fabric.backward(loss.total)
        if watched:  # clipping at infinity changes nothing and gives the norm, unscaled in every precision
            norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=math.inf, error_if_nonfinite=False)
            loss.figures["gradient_norm"] = torch.as_tensor(norm)
        self.optimizer.step()
        self.schedule.step()
        return loss

    def measure(self, step: int, loss: Loss) -> None:
        """Write down the step's figures, and where the time since the last ones went."""
        parts = {f"loss/{name}": value.item() for name, value in loss.parts.items()}
        figures = {name: value.item() for name, value in loss.figures.items()}
        pace = self.pace.lap()
        rate = float(self.schedule.get_last_lr()[0])
        self.run.measure(step, {"loss": loss.total.item(), **parts, **figures, "learning_rate": rate, **pace})
        waiting = pace["seconds/data"] / pace["seconds/step"]
        if waiting > MUCH_WAITING and step > self.settings.log_every and not self._told:
            self._told = True
            self.run.log.warning(
                "step %d: %.0f %% of the time is spent waiting for data; see unreel bench loading %s",
                step,
                100 * waiting,
                self.manifest.root,
            )

    def save(self, name: str, step: int) -> None:
        settings = self.settings
        path, state = settings.out / name, self.method.state_dict()
        save_weights(path, state, settings.encoder_settings, recipe=settings.recipe, seed=settings.seed, step=step)
        self.run.log.info("step %d: wrote %s", step, name)

    def judge(self, step: int) -> None:
        """k-NN (R@1) by each label that the collection has; the labels are looked at here and nowhere else."""
        if not (self.settings.knn_every and judgeable_labels(self.videos)):
            return
        chosen = generator(self.settings.seed, "knn").permutation(len(self.videos))[:KNN_VIDEOS]
        judged = [self.videos[row] for row in sorted(chosen)]
        self.method.eval()
        extractor = FeatureExtractor(self.method.encoder, self.settings.encoder_settings, device=self.fabric.device)
        features = extractor.features(self.manifest, judged, clips=KNN_CLIPS, workers=0, description="judging")
        self.method.train()
        rows = {video.id: video for video in judged}
        videos = [rows[identity] for identity in features.ids]
        groups = [video.group for video in videos]
        ranking = rank(features.videos, groups, "gap")
        names = judgeable_labels(videos)
        scores = {name: judge(ranking, labels_of(videos, name), groups, name=name).hits[1] for name in names}
        self.run.measure(step, {f"knn/{name}": score for name, score in scores.items()})


def _due(step: int, every: int, last: int) -> bool:
    return every > 0 and (step % every == 0 or step == last)
