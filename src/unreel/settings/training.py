"""Settings that every training run has."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro
from pydantic import Field, model_validator

from unreel.settings.model import (
    Amount,
    BatchSize,
    Count,
    PositiveAmount,
    PositiveCount,
    PositiveWorkers,
    Seed,
    Settings,
    Workers,
)


class TrainingSettings(Settings):
    """What pretraining and fine-tuning have in common."""

    changeable: ClassVar[frozenset[str]] = frozenset(
        {"folder", "out", "resume", "steps", "log_every", "checkpoint_every", "keep", "trackers"}
        | {"accumulate", "checkpoint_activations", "compile", "accelerator", "devices", "nodes", "loader_workers"}
    )
    """Settings that a resumed run may have otherwise: they say how and how long it computes, not what."""
    follows_steps: ClassVar[bool] = False
    """Whether something besides a cosine's rate depends on the last step, which a resumed run must then leave."""

    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos (see `unreel prepare`); an unprepared one is prepared on the way."""
    out: Path
    """Run folder: settings, log, metrics, checkpoints and weights. A run that is there already is resumed."""
    resume: Literal["auto", "previous", "never"] = "auto"
    """Where OUT is a run of the same settings: auto resumes from its newest checkpoint, previous from the newest one
    that is not damaged, never gives an error."""
    steps: Count = 10_000
    """Updates of the weights; 0 leaves the first ones. A run may be resumed with more."""
    batch_size: BatchSize = 128
    """Videos of a step, those of all processes together."""
    accumulate: PositiveCount = 1
    """Parts in which a process computes its share of a batch, one after the other: less memory, a second forward pass
    and the same loss, for the negatives stay those of the whole batch."""
    seed: Seed = 0
    """Decides the first weights and every draw."""
    checkpoint_every: Count = 1000
    """Steps between checkpoints; 0: only the last step's."""
    keep: PositiveCount = 2
    """Checkpoints kept: the newest ones, and the one that was evaluated best."""
    log_every: PositiveCount = 10
    """Steps between rows of the metrics."""
    learning_rate: PositiveAmount = 0.1
    """Learning rate before it falls; the paper has 0.1 for pretraining, 0.01 for fine-tuning."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the velocity that is kept from update to update."""
    keras_momentum: bool = False
    """Keep the learning rate inside the velocity, as Keras does: v ← momentum · v − rate · gradient."""
    decay: Amount = 1e-4
    """Keras's learning-rate decay: the rate is learning_rate / (1 + decay · updates). Not used by cosine."""
    schedule: Literal["keras", "cosine"] = "keras"
    """How the learning rate falls: as `decay` says, or along half a cosine to 0 at the last step, which a resumed run
    must then leave where it was."""
    warmup_steps: Count = 0
    """Steps over which the learning rate rises from 0; the paper has none."""
    l2: Amount = 5e-5
    """λ of Keras's L2 penalty λ·Σw² on convolution and linear kernels."""
    clip_norm: PositiveAmount | None = None
    """Gradients whose norm, over all weights, is larger are scaled down to it; default: they are left alone."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward pass."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    devices: PositiveWorkers | None = None
    """Processes on this machine, one for each device; default: as many as torchrun or SLURM have started, otherwise
    one for each GPU, or a single one on CPUs."""
    nodes: PositiveWorkers | None = None
    """Machines; default: as many as torchrun or SLURM have started, otherwise one."""
    checkpoint_activations: bool = False
    """Compute the blocks of the encoder again in the backward pass instead of keeping their feature maps."""
    compile: bool = False
    """Compile the encoder (torch.compile)."""
    fused: bool = False
    """Keep channels innermost, and do norm, sum and ReLU together, and the update of the weights, on NVIDIA GPUs only:
    sooner, and in mixed precision the maps between convolutions are in the lower one."""
    compiled_views: bool = False
    """Make the views with compiled code, on CPUs by numba (pip install 'unreel[compiled]'), on NVIDIA GPUs by
    Triton: sooner, and the same but for the last digits, so that a run goes on as it began."""
    loader_workers: Workers | None = None
    """Processes that decode; default: 1 for each 8 CPUs where these train, otherwise all but one of them, 16
    at the most."""
    trackers: tuple[Literal["wandb", "mlflow"], ...] = ()
    """Where else the metrics go, besides RUN/metrics.csv and TensorBoard."""
    labels: str = "auto"
    """Where labels come from: auto (a labels.csv in the folder, else folders where they look like classes: every video
    one folder deep, several folders, several videos in each), none, folders (the first of each path), or a table."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source): videos are
    then evaluated by those of other groups only."""
    split: str | None = None
    """Learn from the training part of this official split only; an error if its other videos are known from there."""
    allow_leaks: tuple[str, ...] = ()
    """Names of what may be known from there: ids of held-out videos, groups, or a reason ("near duplicate")."""

    @model_validator(mode="after")
    def _one_way(self) -> "TrainingSettings":
        if self.fused and self.compile:
            raise ValueError("fused and compile are two ways of the same: choose one")
        return self


def check_statistics(settings: "TrainingSettings") -> None:
    """Raise ValueError where running statistics would count clips twice: `settings` have an encoder."""
    norm = settings.encoder.norm  # type: ignore[attr-defined]
    if norm == "batch" and (settings.accumulate > 1 or settings.checkpoint_activations):
        raise ValueError(
            "norm is batch, whose statistics would count every clip twice with accumulate or checkpoint_activations, "
            "which compute clips twice; choose norm instance, or neither of them"
        )
