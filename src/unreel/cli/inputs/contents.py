"""What a run folder holds for a report: settings in words, curves, results, embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unreel.errors import RunError
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import read_settings
from unreel.settings.pretraining import PretrainSettings, read_shared

if TYPE_CHECKING:
    from unreel.reporting.run_section import ShownRun
    from unreel.video.collection.manifest import Manifest

_IN_WORDS = {"recipe", "alpha", "beta", "weights", "label", "dropout", "folder", "steps", "batch_size", "seed"}
_IN_WORDS |= {"method", "encoder", "width", "norm", "clip_length", "size", "learning_rate", "decay"}
"""Settings that every run's facts tell already."""


@dataclass(frozen=True)
class RunContents:
    """One run, pretrained or fine-tuned, by the name it is shown under."""

    path: Path
    name: str
    settings: PretrainSettings | FinetuneSettings
    metrics: Sequence[dict[str, int | float]]
    versions: dict[str, str]

    @property
    def pretrained(self) -> bool:
        """Whether it is a pretraining run."""
        return isinstance(self.settings, PretrainSettings)

    def manifest(self, folder: Path | None) -> "Manifest":
        """The videos it has learnt from, or those of another folder.

        Raises:
            CollectionError: they cannot be prepared.
        """
        from unreel.video.collection.options import PrepareOptions
        from unreel.video.collection.prepare import prepared

        settings = self.settings
        options = PrepareOptions(
            settings.encoder_settings.prepared_side, group_pattern=settings.group_pattern, labels=settings.labels
        )
        return prepared(folder or settings.folder, options)

    def shown(self, differing: Sequence[str]) -> "ShownRun":
        """The run as a report shows it, with the settings in which it differs from others beside it."""
        from unreel.reporting.run_section import ShownRun
        from unreel.training.run_summary import flattened

        values = flattened(self.settings.model_dump(mode="json"))
        own = {name: _text(values[name]) for name in differing if name in values and name not in _IN_WORDS}
        facts = {**self._words(), **own, **self.versions}
        return ShownRun(self.name, "pretraining" if self.pretrained else "fine-tuning", facts, self.metrics)

    def _words(self) -> dict[str, str]:
        settings, seconds = self.settings, training_seconds(self.metrics)
        encoder = settings.encoder_settings
        if isinstance(settings, PretrainSettings):
            first = {"recipe": settings.recipe}
            if isinstance(settings, HDCSettings):
                first["weights α, β"] = f"{settings.alpha}, {settings.beta}"
            else:
                first["method"] = settings.method
        else:
            weights = str(settings.weights) if settings.weights else "random"
            first = {"weights begun with": weights, "label": settings.label or "the only one"}
            first["dropout"] = f"{settings.dropout:g}"
        return {
            **first,
            "encoder": f"{encoder.name}, width {encoder.width:g}, {encoder.norm} norm",
            "input": f"{encoder.clip_length} frames of {encoder.size}×{encoder.size}",
            "videos": str(settings.folder),
            "steps × batch": f"{settings.steps} × {settings.batch_size} videos",
            "learning rate": f"{settings.learning_rate:g}, decay {settings.decay:g}",
            "seed": str(settings.seed),
            "minutes of training": f"{seconds / 60:.1f}" if seconds else "unknown",
        }


def read_run(path: Path, name: str) -> RunContents:
    """What is in a run folder.

    Raises:
        RunError: it is none, or is damaged.
        SettingsError: its settings cannot be read.
    """
    from unreel.training.metrics import read_metrics
    from unreel.training.run import read_versions
    from unreel.training.run_summary import read_loosely

    if not (path / "settings.yaml").is_file():
        raise RunError(
            f"{path} is no run folder: it holds no settings.yaml, as `unreel pretrain` and `unreel finetune` leave it."
        )
    pretrained = "recipe" in read_loosely(path)
    file = path / "settings.yaml"
    settings = read_shared(file) if pretrained else read_settings(FinetuneSettings, file)
    return RunContents(path, name, settings, read_metrics(path), read_versions(path))


def training_seconds(metrics: Sequence[dict[str, int | float]]) -> float:
    """What all steps took together; each line tells the mean of the steps since the one before it."""
    laps = [(line["step"], line["seconds/step"]) for line in metrics if "seconds/step" in line]
    return sum(((step - before) * pace for (before, _), (step, pace) in pairwise([(0, 0.0), *laps])), 0.0)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
