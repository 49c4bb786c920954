"""The training loop, readable from top to bottom: what pretraining and fine-tuning have in common.

    run folder ──▶ the newest checkpoint, if there is one ──▶ step by step: batch, loss, gradients, update
                                                             ├─▶ metrics, every `log_every` steps
                                                             ├─▶ an evaluation, where one is due
                                                             └─▶ a checkpoint, where one is due, or on a request to stop

Everything of a step is a function of its number: batches, draws, learning rate. So a resumed run is the same run.
"""

import math
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from statistics import mean
from typing import Any, cast, final

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from unreel.checkpoint import TrainingState, WeightsHeader, save_checkpoint, save_weights
from unreel.checkpoint.state import best_score, checkpoints, prune
from unreel.checkpoint.weights import FINAL
from unreel.engine import process_group
from unreel.engine.device import peak_memory
from unreel.engine.gpu_prefetch import copied_ahead
from unreel.engine.launch import launched, unobserved
from unreel.engine.malloc import keep_freed_memory
from unreel.engine.progress import ProgressBar
from unreel.engine.signals import Stop, stop_requests
from unreel.engine.watchdog import watched_peers
from unreel.errors import CheckpointError, SettingsError, Stopped, TrainingError
from unreel.methods import GIVEN, Method
from unreel.models import Encoder
from unreel.settings.training import TrainingSettings
from unreel.text import excerpt
from unreel.training.advice import Advice
from unreel.training.failures import failures_told
from unreel.training.optimization import learning_rate, restore, set_learning_rate, sgd
from unreel.training.resume import CHECKPOINTS, Opened, opened
from unreel.training.timing import StepTimer
from unreel.types import ClipBatch, Loss
from unreel.video.clips.datasets import ClipDataset
from unreel.video.clips.loading import ProcessShare, training_batches


@dataclass(frozen=True)
class TrainingJob:
    """What is to be learnt, from what: all that tells pretraining from fine-tuning.

    `method` is a `Method` and a module. `used` are the videos of the dataset, `left_out` the others with the reason.
    `evaluate` gives figures of how well the method does by now, every `evaluate_every` steps (0: never), in the first
    process; the checkpoint is kept whose mean figure named `best/…` is the highest. `factor` is a parameter's own
    factor on the learning rate, by name; `all_used` says that every parameter takes part in every step; `optimizer`
    makes what updates the weights: its groups have a "factor" each.
    """

    settings: TrainingSettings
    method: nn.Module
    dataset: ClipDataset
    used: Sequence[str]
    left_out: Mapping[str, str]
    origin: WeightsHeader
    evaluate: Callable[[torch.device], Mapping[str, float]] | None = None
    evaluate_every: int = 0
    best: str = ""
    factor: Callable[[str], float] = lambda _: 1.0
    all_used: bool = True
    optimizer: Callable[[nn.Module, TrainingSettings, Callable[[str], float]], Optimizer] = sgd


def train(job: TrainingJob) -> None:
    """Train from the first step or from where the run was, to the last; leaves RUN/weights.safetensors.

    Raises:
        SettingsError, CollectionError, OverwriteError, RunError: see `RunFolder`, `launched` and `training_batches`.
        CheckpointError: the newest checkpoint is damaged, or a new one could not be written.
        TrainingError: the loss is not finite, or another process is gone.
        Stopped: on a signal; the run has saved itself.
    """
    settings = job.settings
    fabric = launched(settings.accelerator, settings.precision, settings.devices, settings.nodes, all_used=job.all_used)
    with ExitStack() as stack:
        stack.enter_context(failures_told(settings))
        stack.enter_context(watched_peers())
        unobserved(fabric)
        _check_parts(settings, fabric.world_size)
        run = stack.enter_context(opened(settings, job.used, job.left_out))
        if process_group.from_first(run.finished):
            return
        stop = stack.enter_context(stop_requests())
        training = _Training(job, fabric, run)
        done = training.start()
        batches = stack.enter_context(closing(training.batches(done)))
        bar = stack.enter_context(ProgressBar(settings.out.name, settings.steps))
        bar.advance(done)
        for step in range(done + 1, settings.steps + 1):
            try:
                with training.pace.data():
                    batch = next(batches)
            except Stopped:  # asked to, while it waited for the batch
                training.stop_before(step, stop)
                raise
            watched = step % settings.log_every == 0 or step in (1, settings.steps)
            with training.pace.compute():
                loss = training.step(step, batch, watched=watched)
            bar.advance(note=training.note(loss))
            if watched:
                training.measure(step, loss)
            evaluated = training.evaluate(step) if _due(step, job.evaluate_every, settings.steps) else None
            if evaluated or _due(step, settings.checkpoint_every, settings.steps):
                training.save(step, evaluated)
            training.stop_if_asked(step, stop)
        training.finish()


@final
class _Training:
    """What a run needs from step to step."""

    def __init__(self, job: TrainingJob, fabric: Fabric, run: Opened) -> None:
        self.job, self.settings, self.fabric, self.run = job, job.settings, fabric, run
        self.pace = StepTimer()
        self._begun = 0
        self._best = -math.inf
        self._evaluated = self._rank = ""
        self._advice = Advice(self.settings)
        if fabric.device.type == "cpu":
            keep_freed_memory()
        for encoder in job.method.modules():  # a method may keep copies of it
            if isinstance(encoder, Encoder):
                encoder.recomputing = self.settings.checkpoint_activations
                if self.settings.compile:
                    encoder.compile()

    def start(self) -> int:
        """Make the model ready, as the checkpoint left it where there is one; how many steps are done."""
        state = process_group.from_first(self.run.state)
        if state is not None:
            _fill(self.job.method, state)
        self.optimizer = self.job.optimizer(self.job.method, self.settings, self.job.factor)
        self.model: Any
        self._stepper: Any
        self.model, self._stepper = self.fabric.setup(self.job.method, self.optimizer)
        self._log("%d videos, on %s, %d processes", len(self.job.used), self.fabric.device, self.fabric.world_size)
        if state is None:
            self.evaluate(0)
            return 0
        restore(self.optimizer, state.optimizer)
        if state.scaler:
            self.fabric.strategy.precision.load_state_dict(state.scaler)
        self._best = best_score(self.settings.out / CHECKPOINTS)
        self._begun = state.step
        self._log("resuming after step %d", state.step)
        return state.step

    def batches(self, done: int) -> Generator[ClipBatch, None, None]:
        """This process's share of the batches of the steps to come, without end."""
        settings = self.settings
        share = ProcessShare(self.fabric.global_rank, self.fabric.world_size)
        device = self.fabric.device
        batches = training_batches(
            self.job.dataset,
            settings.batch_size,
            settings.seed,
            first_step=done,
            workers=settings.loader_workers,
            share=share,
            device=device.type,
        )
        return copied_ahead(batches, device) if device.type == "cuda" else batches

    def step(self, step: int, batch: ClipBatch, *, watched: bool) -> Loss:
        """Learn from one batch; `watched` adds figures that tell how learning goes, and the norm of all gradients."""
        set_learning_rate(self.optimizer, learning_rate(self.settings, step - 1))
        self._stepper.zero_grad()
        batch = batch.to(self.fabric.device)
        loss, outputs = self._gradients(step, batch, watched=watched)
        if watched or self.settings.clip_norm:  # clipping at infinity changes nothing and gives the norm, unscaled
            most = self.settings.clip_norm or math.inf
            norm = self.fabric.clip_gradients(self.model, self._stepper, max_norm=most, error_if_nonfinite=False)
            loss.figures["gradient_norm"] = torch.as_tensor(norm)
        self._stepper.step()
        cast(Method, self.job.method).updated({name: each.detach() for name, each in outputs.items()}, step)
        return loss

    def _gradients(self, step: int, batch: ClipBatch, *, watched: bool) -> tuple[Loss, dict[str, Tensor]]:
        """The loss of the whole batch, its gradients left in the weights, and what it was computed from.

        In parts: all are computed without gradients first, the loss of the whole gives the gradient of every row, and
        that is carried into the weights part by part. So each video is told from all others of the batch, as ever
        (Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", RepL4NLP 2021).
        """
        method, count = cast(Method, self.job.method), self.settings.accumulate
        if count == 1:
            outputs = self.model(batch)
            loss = method.loss(outputs, watched=watched)
            self._check(step, loss, batch)
            self.fabric.backward(loss.total)
            return loss, outputs
        parts = batch.parts(count)
        with torch.no_grad():
            computed = [self.model(part) for part in parts]
        rows = {name: torch.cat([each[name] for each in computed]) for name in computed[0]}
        learnt = {
            name: each.requires_grad_()
            for name, each in rows.items()
            if each.is_floating_point() and not name.startswith(GIVEN)
        }
        loss = method.loss(rows, watched=watched)
        self._check(step, loss, batch)
        gradients = dict(zip(learnt, torch.autograd.grad(loss.total, list(learnt.values())), strict=True))
        shares = {name: each.tensor_split(count) for name, each in gradients.items()}
        for number, part in enumerate(parts):
            last = number == count - 1
            with nullcontext() if last else self._alone():
                again = self.model(part)
                self.fabric.backward(torch.stack([(again[name] * shares[name][number]).sum() for name in shares]).sum())
        return loss, rows

    def _alone(self) -> AbstractContextManager[None]:
        """Gradients are not yet shared with the other processes."""
        return self.fabric.no_backward_sync(self.model) if self.fabric.world_size > 1 else nullcontext()

    def _check(self, step: int, loss: Loss, batch: ClipBatch) -> None:
        if math.isfinite(loss.total.item()):
            return
        ids = [identity for each in process_group.everyone(batch.ids) for identity in each]
        raise TrainingError(
            f"the loss of step {step} is {loss.total.item()}, expected a finite number. {self._last_good()} The batch "
            f"was: {', '.join(ids)}. Look at these videos, or start a new run with a lower --learning-rate, a "
            "--clip-norm or precision 32-true."
        )

    def _last_good(self) -> str:
        found = checkpoints(self.settings.out / CHECKPOINTS)
        return f"The last good checkpoint is {found[-1]}." if found else "No checkpoint was written before."

    def note(self, loss: Loss) -> str:
        """What the progress bar says of a step."""
        ranks = [value.item() for name, value in loss.figures.items() if name.startswith("rank/")]
        self._rank = f"rank {mean(ranks):.1f} · " if ranks else self._rank
        return f"loss {loss.total.item():.3f} · {self._evaluated}{self._rank}{self.pace}"

    def measure(self, step: int, loss: Loss) -> None:
        """Write down the step's figures, and where the time since the last ones went."""
        parts = {f"loss/{name}": value.item() for name, value in loss.parts.items()}
        figures = {name: value.item() for name, value in loss.figures.items()}
        pace, rate = self.pace.lap(), learning_rate(self.settings, step - 1)
        memory = {"memory/gigabytes": peak_memory(self.fabric.device) / 1e9}
        self._write(step, {"loss": loss.total.item(), **parts, **figures, "learning_rate": rate, **pace, **memory})
        for text, *words in self._advice.of(step, figures, pace["seconds/data"] / pace["seconds/step"]):
            self._log(f"step %d: {text}", step, *words)

    def evaluate(self, step: int) -> float | None:
        """Have the method evaluated; its score, where that is higher than ever before in this run."""
        if not (self.job.evaluate and self.job.evaluate_every):
            return None
        score = None
        if self.run.folder:
            figures = self.job.evaluate(self.fabric.device)
            self._write(step, figures)
            self._evaluated = "".join(f"{name} {value:.1%} · " for name, value in figures.items())
            scores = [value for name, value in figures.items() if self.job.best and name.startswith(self.job.best)]
            score = mean(scores) if scores else None
        score = process_group.from_first(score)
        if score is None or score <= self._best:
            return None
        self._best = score
        return score

    def save(self, step: int, score: float | None = None) -> None:
        """Write a checkpoint, unless the weights went wrong in this very step."""
        weights = self.job.method.state_dict()
        if not all(each.isfinite().all() for each in weights.values()):
            raise TrainingError(
                f"weights are no finite numbers any more after step {step}. {self._last_good()} Start a new run with a "
                "lower --learning-rate, a --clip-norm or precision 32-true."
            )
        if not self.run.folder:
            return
        scaler = self.fabric.strategy.precision.state_dict()
        place = self.settings.out / CHECKPOINTS
        state = TrainingState(step, weights, self.optimizer.state_dict(), scaler, score)
        path = save_checkpoint(place, state, self.job.origin)
        prune(place, self.settings.keep)
        self._log("step %d: wrote %s", step, path.relative_to(self.settings.out))

    def stop_if_asked(self, step: int, stop: Stop) -> None:
        """End here, saved, if any process was asked to."""
        if step == self.settings.steps or not process_group.any_of(stop.requested is not None):
            return
        self._stop(step, stop)

    def stop_before(self, step: int, stop: Stop) -> None:
        """End here, saved, if there is no other process, which would have to end with the same step."""
        if process_group.count() == 1 and step - 1 > self._begun:
            self._stop(step - 1, stop)

    def _stop(self, step: int, stop: Stop) -> None:
        if not (self.settings.out / CHECKPOINTS / f"step-{step:06d}").exists():
            self.save(step)
        process_group.everyone(None)  # none leaves before it is written
        name = stop.requested.name if stop.requested else "a signal to another process"
        stopped = Stopped(
            f"stopped by {name} after step {step} of {self.settings.steps}; all is saved in {self.settings.out}. "
            "The same command resumes from there."
        )
        if stop.requested is signal.SIGINT:
            stopped.exit_code = 130
        raise stopped

    def finish(self) -> None:
        """Leave the final weights: the run is finished."""
        if self.run.folder:
            save_weights(
                self.settings.out / FINAL, self.job.method.state_dict(), self.job.origin, step=self.settings.steps
            )
            self._log("finished %d steps in %.0f seconds", self.settings.steps, self.pace.seconds)
        process_group.everyone(None)  # none looks for them before they are written

    def _write(self, step: int, figures: Mapping[str, float]) -> None:
        if self.run.trackers:
            self.run.trackers.write(step, figures)

    def _log(self, *words: object) -> None:
        if self.run.folder:
            self.run.folder.log.info(*words)


def _check_parts(settings: TrainingSettings, count: int) -> None:
    own = settings.batch_size // count
    if settings.accumulate > own:
        raise SettingsError(
            f"accumulate is {settings.accumulate}, but a process has {own} videos of a batch: give {own} or less."
        )


def _fill(method: nn.Module, state: TrainingState) -> None:
    try:
        method.load_state_dict(state.weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"the checkpoint of step {state.step} does not fit the model: another version of unreel wrote it? "
            + excerpt(error)
        ) from None


def _due(step: int, every: int, last: int) -> bool:
    return step == last or (every > 0 and step % every == 0)
