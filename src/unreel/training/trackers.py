"""Where a run's figures go: metrics.csv and TensorBoard always, Weights & Biases and MLflow where asked for.

metrics.csv is the record, the others show it. When a run resumes, W&B and MLflow are given what they lack of the
record, so that neither a kill nor a server that was gone for a while leaves a hole, and either can be added later.
"""

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

from tensorboard.summary.writer import event_file_writer
from torch.utils.tensorboard import SummaryWriter

from unreel.engine.files import write_whole
from unreel.errors import RunError, SettingsError
from unreel.extras import require
from unreel.reading import FileSchema, read_words
from unreel.training.metrics import FILE, Metrics, read_metrics
from unreel.training.run_summary import is_finished
from unreel.training.wandb_mlflow import MLflow, WeightsAndBiases

IDENTITIES = "trackers.json"
_WANTED = FileSchema(RunError, "Remove it: trackers then show the run as a new one.")
HOSTED: dict[str, type[WeightsAndBiases] | type[MLflow]] = {"wandb": WeightsAndBiases, "mlflow": MLflow}
Figures = Mapping[str, float]


@runtime_checkable
class Tracked(Protocol):
    """The settings of a run, as far as trackers look at them."""

    @property
    def trackers(self) -> tuple[str, ...]:
        """Names of the trackers asked for."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """All settings as plain values."""


@runtime_checkable
class Tracker(Protocol):
    """One place that shows the figures of a run."""

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """What its methods raise where it, not training, is at fault."""

    def write(self, step: int, figures: Figures) -> None:
        """Show the figures of a step."""

    def close(self, finished: bool) -> None:
        """End; `finished`: the run has come to its end and is not just interrupted."""


@final
class TensorBoard:
    """Event files in RUN/tensorboard. Those of steps after `step` count no longer, so that no curve runs back."""

    def __init__(self, run: Path, step: int) -> None:
        self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else 0)

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """The disk is full or gone."""
        return (OSError,)

    def write(self, step: int, figures: Figures) -> None:
        """Add the figures of a step, and nothing of them is lost to a kill."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self, finished: bool) -> None:  # noqa: ARG002
        """End."""
        self._writer.close()


@final
class Trackers:
    """The open trackers of a run. One that fails is left out from then on, which is said once in the log."""

    def __init__(self, metrics: Metrics, log: logging.Logger) -> None:
        self._metrics, self._log = metrics, log
        self._shown_by: dict[str, Tracker] = {}

    def write(self, step: int, figures: Figures) -> None:
        """Write the figures of a step everywhere."""
        self._metrics.write(step, figures)
        for name in list(self._shown_by):
            self._show(name, step, figures)

    def add(self, name: str, tracker: Tracker, lacking: Iterable[Mapping[str, int | float]] = ()) -> None:
        """Write to one more tracker from now on, and the rows that it may lack at once."""
        self._shown_by[name] = tracker
        for row in lacking:
            self._show(name, int(row["step"]), {key: value for key, value in row.items() if key != "step"})

    def give_up(self, name: str, error: Exception) -> None:
        """Go on without a tracker."""
        self._shown_by.pop(name, None)
        self._log.warning(
            "the tracker %s failed (%s): training goes on without it, all figures are in %s; "
            "when the run is resumed they are given to it",
            *(name, _said(error), FILE),
        )

    def close(self, finished: bool) -> None:
        """End all of them."""
        for name, tracker in list(self._shown_by.items()):
            try:
                tracker.close(finished)
            except tracker.failures() as error:
                self.give_up(name, error)

    def _show(self, name: str, step: int, figures: Figures) -> None:
        tracker = self._shown_by.get(name)
        if tracker is not None:
            try:
                tracker.write(step, figures)
            except tracker.failures() as error:
                self.give_up(name, error)


def check_trackers(names: Iterable[str]) -> None:
    """Nothing, if the packages of these trackers are there: to be called before a long preparation.

    Raises:
        MissingExtraError: one is not installed.
    """
    for name in names:
        require(name, name)


@contextmanager
def open_trackers(run: Path, settings: Tracked, log: logging.Logger, step: int) -> Iterator[Trackers]:
    """The trackers of a run that goes on from `step` (0: from the beginning); what they hold of later steps is dropped.

    The run counts as finished if its final weights are there when this ends.

    Raises:
        MissingExtraError: the package of a tracker is not installed.
        RunError: metrics.csv is damaged.
        SettingsError: a tracker cannot be used and has never been for this run.
    """
    check_trackers(settings.trackers)
    with closing(Metrics(run / FILE)) as metrics, _writing_thread_is_quiet():
        metrics.rewind(step or -1)  # a run that begins again measures step 0 again
        trackers = Trackers(metrics, log)
        try:
            trackers.add("tensorboard", TensorBoard(run, step))
            for name in settings.trackers:
                _add_hosted(trackers, name, run, settings)
            yield trackers
        finally:
            trackers.close(is_finished(run, settings.model_dump(mode="json").get("steps")))


@contextmanager
def _writing_thread_is_quiet() -> Iterator[None]:
    """No traceback of TensorBoard's own thread: the next write raises the same error."""
    before = threading.excepthook

    def hook(error: threading.ExceptHookArgs) -> None:
        if type(error.thread).__module__ != event_file_writer.__name__:
            before(error)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _add_hosted(trackers: Trackers, name: str, run: Path, settings: Tracked) -> None:
    """Go on with the tracker's own run, or begin one and note its name."""
    path, kind = run / IDENTITIES, HOSTED[name]
    known = read_words(path, _WANTED) if path.exists() else {}
    failures = kind.failures()
    try:
        tracker = kind(run, settings.model_dump(mode="json"), known.get(name))
    except failures as error:
        if name in known:  # it has worked before, and may be gone for a while
            trackers.give_up(name, error)
            return
        raise SettingsError(
            f"the tracker {name} cannot be used ({_said(error)}), expected one that answers as a run starts. "
            f"Mend its address or account, or leave {name} out of --trackers."
        ) from None
    if known.get(name) != tracker.identity:
        write_whole(path, json.dumps(known | {name: tracker.identity}))
    trackers.add(name, tracker, read_metrics(run))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
