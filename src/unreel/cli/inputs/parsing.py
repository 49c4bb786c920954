"""From command-line words to checked settings."""

from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from typing import Any, TypeVar

import tyro
from pydantic import ValidationError

from unreel import plugins
from unreel.console import explained
from unreel.errors import SettingsError
from unreel.settings.model import Settings, describe
from unreel.text import one_line

AnySettings = TypeVar("AnySettings", bound=Settings)


def parse(
    kind: type[AnySettings], verb: str, arguments: Sequence[str], *, default: AnySettings | None = None
) -> AnySettings:
    """The settings of a verb; `--help` and unknown options end the program as tyro does (exit code 2 for mistakes).

    Raises:
        SettingsError: a value makes no sense.
    """
    trust(arguments)
    words: dict[str, Any] = {"prog": f"unreel {verb}", "args": arguments}
    if default is not None:
        words["default"] = default
    read: Callable[..., AnySettings] = partial(tyro.cli, kind, **words)
    try:
        with redirect_stderr(StringIO()):
            return read(console_outputs=False)
    except (ValidationError, SystemExit) as ended:
        fault = _fault(ended)
    if fault is not None:
        raise SettingsError(*describe(fault, kind, verb).split("\n"))
    words["args"] = [one_line(argument) for argument in arguments]  # which tyro shows
    with explained():
        return read(**words)  # once more, aloud: help, or a mistake that tyro explains; ends the program


def trust(arguments: Sequence[str]) -> None:
    """Let code be imported that the user has named himself, as --encoder FILE.py:CLASS or --encoder=FILE.py:CLASS."""
    for word in arguments:
        plugins.allow(word.partition("=")[2] if word.startswith("--") else word)


def _fault(ended: BaseException | None) -> ValidationError | None:
    """What pydantic has found; tyro shows that in a box, with a link to pydantic's pages, and ends the program."""
    while not (ended is None or isinstance(ended, ValidationError)):
        ended = ended.__context__
    return ended
