"""Which processes run (Linux)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

from unreel.settings.pretraining import PretrainSettings
from unreel.training.pretrain import choose_videos, pretrain
from unreel.video.collection.manifest import Manifest


def children() -> set[int]:
    """The processes that this one has started and that are not gone, zombies among them."""
    return {process for process, (_, parent, *_) in _processes() if int(parent) == os.getpid()}


def loader_workers() -> list[BaseProcess]:
    """The processes of this one that are no pool's: pools of other tests may stand."""
    return [each for each in active_children() if each.name != "pebble_pool_worker"]


def states_of_session(session: int) -> list[str]:
    """The states (`R`, `S`, `Z` …) of all processes of a session."""
    return [state for _, (state, _, _, own, *_) in _processes() if int(own) == session]


def _processes() -> Iterator[tuple[int, list[str]]]:
    """The number of every process, and what stands behind its name: state, parent, group, session …"""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may end meanwhile
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()


def pretrain_on(settings: PretrainSettings, manifest: Manifest, evaluated: Manifest | None = None) -> None:
    """Pretrain on the videos that settings choose of a collection."""
    pretrain(settings, choose_videos(settings, manifest, evaluated))
