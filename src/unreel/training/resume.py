"""The beginning of a run, or its going on: what the first process does for all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from unreel.checkpoint import TrainingState, load_checkpoint, read_weights
from unreel.checkpoint.state import checkpoints, prune, step_of
from unreel.checkpoint.weights import FINAL
from unreel.engine import process_group
from unreel.errors import CheckpointError, SettingsError, UnreelError
from unreel.settings.training import TrainingSettings
from unreel.training.run import RunFolder
from unreel.training.trackers import Trackers, open_trackers

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Opened:
    """A run that can begin, after the steps of `state` if there is one; `finished` if nothing is left to do.

    Only the first process has the folder and the trackers.
    """

    state: TrainingState | None
    finished: bool
    folder: RunFolder | None = None
    trackers: Trackers | None = None


@contextmanager
def opened(settings: TrainingSettings, used: Sequence[str], left_out: Mapping[str, str]) -> Iterator[Opened]:
    """The run of these settings on these videos.

    Raises:
        UnreelError: as `RunFolder` does, in every process.
        CheckpointError: the checkpoint to resume from is damaged.
    """
    with ExitStack() as stack:
        mine, failure = None, None
        if process_group.rank() == 0:
            try:
                mine = _open(settings, used, left_out, stack)
            except UnreelError as error:
                failure = error
        if failure := process_group.from_first(failure):
            raise failure
        yield mine or Opened(None, False)


def _open(settings: TrainingSettings, used: Sequence[str], left_out: Mapping[str, str], stack: ExitStack) -> Opened:
    newest = checkpoints(settings.out / CHECKPOINTS)[-1:]
    if newest and (made := step_of(newest[0])) > settings.steps:
        raise SettingsError(
            f"{settings.out} has made {made} steps, got steps {settings.steps}. Give {made} or more, or write to "
            "another folder."
        )
    folder = stack.enter_context(RunFolder(settings, used, left_out))
    state = _state(settings, folder)
    done = state.step if state else 0
    if _is_finished(settings):
        return Opened(state, True, folder)
    trackers = stack.enter_context(open_trackers(folder.path, settings, folder.log, done))
    return Opened(state, False, folder, trackers)


def _state(settings: TrainingSettings, folder: RunFolder) -> TrainingState | None:
    """The newest state that the run left; `--resume previous` sets damaged ones aside."""
    place = folder.path / CHECKPOINTS
    prune(place, settings.keep)
    for path in reversed(checkpoints(place)):
        try:
            return load_checkpoint(path)
        except CheckpointError as error:
            if settings.resume != "previous":
                raise
            folder.log.warning("%s", error)
            path.rename(path.with_name(f"{path.name}.damaged"))
    return None


def _is_finished(settings: TrainingSettings) -> bool:
    try:
        return (settings.out / FINAL).exists() and read_weights(settings.out).step == settings.steps
    except CheckpointError:
        return False
