"""`EVENTS=… python processes_script.py WORDS…`: the command `unreel WORDS…`, to whose processes something happens.

precise            the method computes in float64, where rounding stays far below what can be seen
kill=RANK@STEP     that process kills itself as it begins the step, once: it leaves a file of this name
late=RANK@STEP     that process takes 5 seconds longer for the step
absent=RANK@STEP   that process begins the step and does not come back
broken=RANK@STEP   that process has weights that are no numbers as it begins the step
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from unreel import cli


def _precise() -> None:
    methods: Any = import_module("unreel.methods")
    build = methods.build

    def precise(settings: object) -> Any:
        method = build(settings).double()
        method.encoder.register_forward_pre_hook(lambda _, clips: (clips[0].double(),))
        return method

    methods.build = precise


def _break(training: Any) -> None:
    for weights in training.model.parameters():
        weights.data.fill_(float("nan"))


def _kill(event: str, _: object) -> None:
    if not Path(event).exists():
        Path(event).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _wait(seconds: int, _: object) -> None:
    time.sleep(seconds)


def _at(place: str, happens: Callable[[Any], None]) -> None:
    """Have something happen to the training as process RANK begins STEP."""
    training: Any = import_module("unreel.training.loop")._Training
    processes = import_module("unreel.engine.process_group")
    rank, at = map(int, place.split("@"))
    step = training.step

    def eventful(self: object, number: int, *arguments: object, **options: object) -> object:
        if (processes.rank(), number) == (rank, at):
            happens(self)
        return step(self, number, *arguments, **options)

    training.step = eventful


def _verb(name: str, package: str | None = None) -> ModuleType:
    """The module of a verb, after all is set up: before, `unreel` would not have imported torch either."""
    for event in os.environ.get("EVENTS", "").split():
        kind, _, place = event.partition("=")
        if kind == "precise":
            _precise()
        elif kind == "kill":
            _at(place, partial(_kill, event))
        elif kind == "broken":
            _at(place, _break)
        else:
            _at(place, partial(_wait, {"late": 5, "absent": 600}[kind]))
    return import_module(name, package)


if __name__ == "__main__":
    cli.import_module = _verb  # type: ignore[attr-defined]
    cli.main()
