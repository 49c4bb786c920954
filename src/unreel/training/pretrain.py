"""Pretraining, readable from top to bottom."""

import math
from time import perf_counter
from typing import Any, final

import torch
from lightning_fabric import Fabric

from unreel.chance import generator
from unreel.checkpoint import save_weights
from unreel.checkpoint.weights import FINAL
from unreel.engine.outputs import check_free
from unreel.engine.progress import Bar
from unreel.errors import CollectionError, TrainingError
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.retrieval import judge, judgeable_labels, labels_of, rank
from unreel.methods import HDC
from unreel.settings.pretraining import PretrainSettings
from unreel.training.optimization import keras_decay, sgd
from unreel.training.run import RunFolder
from unreel.types import ClipBatch, Loss
from unreel.video.loading import PretrainDataset, pretrain_batches
from unreel.video.manifest import Manifest, VideoRecord

# The judgements on the way are rough figures, cheap enough to take often.
KNN_CLIPS = 2
KNN_VIDEOS = 2000


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
        dataset = PretrainDataset(manifest, videos, settings.clip_length, settings.seed)
        batches = pretrain_batches(dataset, settings.batch_size, settings.seed, workers=settings.loader_workers)
        training.judge(step=0)
        data_seconds = step_seconds = 0.0
        with Bar("pretraining", settings.steps) as bar:
            for step in range(1, settings.steps + 1):
                started = perf_counter()
                batch = next(batches)
                loaded = perf_counter()
                watched = step % settings.log_every == 0 or step in (1, settings.steps)
                loss = training.step(step, batch, watched=watched)
                data_seconds += loaded - started
                step_seconds += perf_counter() - started
                bar.advance(note=f"loss {loss.total.item():.3f} · waiting for data {data_seconds / step_seconds:.0%}")
                if watched:
                    training.measure(step, loss, data_seconds / step, step_seconds / step)
                if _due(step, settings.checkpoint_every, settings.steps):
                    training.save(f"checkpoints/step-{step:06d}.safetensors", step)
                if _due(step, settings.knn_every, settings.steps):
                    training.judge(step)
        training.save(FINAL, settings.steps)
        run.log.info("finished %d steps in %.0f seconds", settings.steps, step_seconds)


def check_method(settings: PretrainSettings) -> None:
    """Nothing, if the method can be built: to be called before a long preparation.

    Raises:
        SettingsError: the encoder does not exist with these settings, or the clips are too small for it.
    """
    with torch.device("meta"):
        HDC(settings)


def choose_videos(settings: PretrainSettings, manifest: Manifest) -> tuple[list[VideoRecord], dict[str, str]]:
    """The videos to learn from, and the id and reason of every file left out."""
    needed = settings.size
    if manifest.side < needed:
        raise CollectionError(
            f"{manifest.root} was prepared at {manifest.side} pixels, the encoder's input is {needed}. "
            f"Prepare it again with --side {settings.encoder_settings.prepared_side}, or choose a smaller --size."
        )
    left_out = {record.id: record.reason for record in manifest.refused}
    short = [record for record in manifest.usable if record.frames < settings.clip_length]
    left_out |= {each.id: f"too short: {each.frames} frames, a clip has {settings.clip_length}" for each in short}
    videos = [record for record in manifest.usable if record.frames >= settings.clip_length]
    if len(videos) < settings.batch_size:
        raise CollectionError(
            f"{manifest.source or manifest.root} holds {len(videos)} videos of at least {settings.clip_length} frames "
            f"({len(left_out)} files left out), a batch needs {settings.batch_size}. "
            f"Add videos or choose --batch-size {max(len(videos), 2)} or less."
        )
    return videos, left_out


@final
class _Training:
    """What a run needs from step to step."""

    def __init__(self, method: HDC, run: RunFolder, manifest: Manifest, videos: list[VideoRecord]) -> None:
        self.method, self.run, self.manifest, self.videos = method, run, manifest, videos
        self.settings = settings = method.settings
        self.fabric = Fabric(accelerator=settings.accelerator, devices=1, precision=settings.precision)
        run.log.info("%d videos, on %s", len(videos), self.fabric.device)
        optimizer = sgd(self.method, settings)
        self.schedule = keras_decay(optimizer, settings)
        self.model: Any
        self.optimizer: Any
        self.model, self.optimizer = self.fabric.setup(self.method, optimizer)

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

    def measure(self, step: int, loss: Loss, data_seconds: float, step_seconds: float) -> None:
        parts = {f"loss/{name}": value.item() for name, value in loss.parts.items()}
        figures = {name: value.item() for name, value in loss.figures.items()}
        pace = {"seconds/data": data_seconds, "seconds/step": step_seconds}
        rate = float(self.schedule.get_last_lr()[0])
        self.run.measure(step, {"loss": loss.total.item(), **parts, **figures, "learning_rate": rate, **pace})

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
