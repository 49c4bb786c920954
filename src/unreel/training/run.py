"""The run folder: everything needed to understand, compare and repeat a run.

RUN/
├── settings.yaml           resolved; `unreel pretrain --config RUN/settings.yaml --out …` repeats it
├── versions.json           unreel, Python, torch, machine, command line
├── log.txt                 what happened when
├── metrics.jsonl           one line per measured step; the same figures in tensorboard/
├── videos.json             which videos took part, which were left out and why
├── checkpoints/            weights on the way
└── weights.safetensors     weights at the end
"""

import json
import logging
import os
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import final

from torch.utils.tensorboard import SummaryWriter

from unreel.engine.outputs import check_free
from unreel.settings.model import Settings, write_settings

LIBRARIES = ("unreel", "torch", "av", "lightning-fabric", "numpy", "safetensors")


@final
class RunFolder:
    """An open run folder. Use as a context manager.

    Raises:
        OverwriteError: the folder exists already and is not empty.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        check_free(path)
        self.path = path
        (path / "checkpoints").mkdir(parents=True)
        write_settings(settings, path / "settings.yaml")
        (path / "versions.json").write_text(json.dumps(versions(), indent=1))
        self.log = logging.getLogger(f"unreel.run.{path}")
        self.log.setLevel(logging.INFO)
        self.log.propagate = False
        handler = logging.FileHandler(path / "log.txt", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.log.addHandler(handler)
        self._metrics = (path / "metrics.jsonl").open("a", encoding="utf-8", buffering=1)
        self._tensorboard = SummaryWriter(str(path / "tensorboard"))

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self.log.error("ended by %s: %s", type(error).__name__, error)
        self._metrics.close()
        self._tensorboard.close()
        for handler in list(self.log.handlers):
            handler.close()
            self.log.removeHandler(handler)

    def measure(self, step: int, figures: dict[str, float]) -> None:
        """Write the figures of one step to metrics.jsonl and TensorBoard."""
        self._metrics.write(json.dumps({"step": step, **figures}) + "\n")
        for name, value in figures.items():
            self._tensorboard.add_scalar(name, value, step)

    def note_videos(self, used: list[str], left_out: dict[str, str]) -> None:
        """Write which videos take part and which do not, with the reason."""
        (self.path / "videos.json").write_text(json.dumps({"used": used, "left_out": left_out}, indent=1))


def versions() -> dict[str, str]:
    """What this process runs on."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        **{library: metadata.version(library) for library in LIBRARIES},
    }


def read_metrics(run: Path) -> list[dict[str, int | float]]:
    """The lines of a run's metrics.jsonl; a last line cut off by a kill is left out."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
