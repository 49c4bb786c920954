"""The run folder: everything needed to understand, compare, repeat and resume a run.

RUN/
├── settings.yaml           resolved; `unreel pretrain --config RUN/settings.yaml --out …` repeats it
├── versions.json           unreel, Python, torch, machine, command line: those of the start
├── videos.json             which videos take part, which were left out and why
├── run.lock                held by the process that trains
├── log.txt                 what happened when
├── metrics.csv             one row per measured step; the same figures in tensorboard/
├── checkpoints/            what the run can resume from
└── weights.safetensors     weights at the end
"""

import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import final

from unreel.engine.files import check_free, is_unfinished, write_whole, writing
from unreel.engine.locks import locked
from unreel.errors import CollectionError, OverwriteError, RunError, SettingsError, Stopped
from unreel.reading import FileSchema, read_json, read_words
from unreel.settings.model import read_settings, written
from unreel.settings.training import TrainingSettings
from unreel.text import one_line

LIBRARIES = ("unreel", "torch", "av", "lightning-fabric", "numpy", "safetensors")
SETTINGS, VIDEOS, VERSIONS, LOCK = "settings.yaml", "videos.json", "versions.json", "run.lock"
_BEGINNING = {LOCK, VIDEOS, VERSIONS, "log.txt"}
_NAMED = 5
_OF_A_RUN = FileSchema(RunError, "Put back the file that the run has written, or write to another folder.")


@dataclass(frozen=True)
class RunVideos:
    """Which videos a run learns from, and the id and reason of every file left out."""

    used: tuple[str, ...]
    left_out: dict[str, str]


@final
class RunFolder:
    """An open run folder, new or that of a run to resume. Use as a context manager.

    Raises:
        OverwriteError: the folder holds something else, or a run that must not be resumed.
        RunError: another process trains it at this moment.
        SettingsError: it holds a run of other settings.
        CollectionError: it holds a run on other videos.
        OutputError: it cannot be written.
    """

    def __init__(self, settings: TrainingSettings, used: Sequence[str], left_out: Mapping[str, str]) -> None:
        self.path = path = settings.out
        check_out(settings)
        with ExitStack() as stack:
            stack.enter_context(_locked(path))
            self.resumed = is_run(path)
            if self.resumed:
                check_out(settings)
                _check_videos(path, used)
            write_whole(path / VIDEOS, json.dumps(asdict(RunVideos(tuple(used), dict(left_out))), indent=1))
            if not self.resumed:
                write_whole(path / VERSIONS, json.dumps(versions(), indent=1))
            always = settings.model_copy(update={"resume": "auto"})
            write_whole(path / SETTINGS, written(always))  # last: it says that this is a run
            with writing(path):
                self.log = _log(path, stack)
            self._open = stack.pop_all()

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Stopped):
            self.log.info("%s", error)
        elif error is not None:
            self.log.error("ended by %s: %s", type(error).__name__, error)
        self._open.close()


def is_run(path: Path) -> bool:
    """Whether a folder holds a run, finished or not."""
    return (path / SETTINGS).is_file()


def read_videos(run: Path) -> RunVideos:
    """The videos of a run.

    Raises:
        RunError: the file is missing or damaged.
    """
    return read_json(run / VIDEOS, RunVideos, _OF_A_RUN)


def read_versions(run: Path) -> dict[str, str]:
    """What a run was begun on; nothing where that is not noted.

    Raises:
        RunError: the file is damaged.
    """
    return read_words(run / VERSIONS, _OF_A_RUN) if (run / VERSIONS).exists() else {}


def check_out(settings: TrainingSettings) -> None:
    """Nothing, if a run of these settings can begin or resume in its folder: to be called before a long preparation.

    Raises:
        OverwriteError: the folder holds something else, or a run that must not be resumed.
        SettingsError: it holds a run of other settings.
    """
    path = settings.out
    if not is_run(path):
        if not _is_beginning(path):
            check_free(path)
        return
    if settings.resume == "never":
        raise OverwriteError(f"{path} holds a run and --resume is never: write to another folder, or remove it.")
    try:
        before = read_settings(type(settings), path / SETTINGS)
    except SettingsError:
        raise OverwriteError(f"{path} holds a run of another kind: write to another folder.") from None
    if changed := differences(before, settings):
        lines = [f"  {name}: {old!r} in the run, {new!r} now" for name, (old, new) in changed.items()]
        raise SettingsError(
            f"{path} holds a run of other settings, and a run is never resumed with others:",
            *lines,
            f"Give the same (--config {path / SETTINGS}), or write to another folder.",
        )


def versions() -> dict[str, str]:
    """What this process runs on."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        **{library: metadata.version(library) for library in LIBRARIES},
    }


def differences(before: TrainingSettings, now: TrainingSettings) -> dict[str, tuple[object, object]]:
    """The settings that a resumed run must not have otherwise, and their values before and now."""
    old, new = before.model_dump(mode="json"), now.model_dump(mode="json")
    free = now.changeable - ({"steps"} if now.schedule == "cosine" or now.follows_steps else set())
    return {name: (old[name], new[name]) for name in new if name not in free and old[name] != new[name]}


def _is_beginning(path: Path) -> bool:
    """Whether a folder holds no more than the beginning of a run that ended before its first step."""
    return path.is_dir() and {each.name for each in path.iterdir() if not is_unfinished(each)} <= _BEGINNING


def _locked(path: Path) -> AbstractContextManager[None]:
    return locked(
        path / LOCK,
        RunError(f"{path} is being trained by another process. Wait for it, stop it, or write to another folder."),
        of=path,
    )


def _check_videos(path: Path, used: Sequence[str]) -> None:
    learnt = read_videos(path).used
    if tuple(used) != learnt:
        gone, new_ones = sorted(set(learnt) - set(used)), sorted(set(used) - set(learnt))
        what = [f"{len(ids)} {word} ({', '.join(ids[:_NAMED])}…)" for ids, word in ((gone, "gone"), (new_ones, "new"))]
        raise CollectionError(
            f"{path} holds a run on other videos: of its {len(learnt)}, {what[0]}; {what[1]}. Put the collection back "
            "as it was, or write to another folder."
        )


class _OneLine(logging.Formatter):
    """A line for each message, whatever stands in it; tracebacks follow as they are."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return one_line(super().formatMessage(record))


def _log(path: Path, stack: ExitStack) -> logging.Logger:
    log = logging.getLogger(f"unreel.run.{path}")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = logging.FileHandler(path / "log.txt", encoding="utf-8")
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    handler.handleError = lambda *_: None  # type: ignore[method-assign]  # a full disk fails the run, which says so
    log.addHandler(handler)
    stack.callback(handler.close)
    stack.callback(log.removeHandler, handler)
    return log
