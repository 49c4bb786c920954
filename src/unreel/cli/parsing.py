"""From command-line words to checked settings."""

from collections.abc import Sequence
from typing import TypeVar

import tyro
from pydantic import ValidationError

from unreel.errors import SettingsError
from unreel.settings.model import Settings, describe

AnySettings = TypeVar("AnySettings", bound=Settings)


def parse(
    kind: type[AnySettings], verb: str, arguments: Sequence[str], *, default: AnySettings | None = None
) -> AnySettings:
    """The settings of a verb; `--help` and unknown options end the program as tyro does (exit code 2 for mistakes).

    Raises:
        SettingsError: a value makes no sense.
    """
    try:
        if default is None:
            return tyro.cli(kind, prog=f"unreel {verb}", args=arguments)
        return tyro.cli(kind, prog=f"unreel {verb}", args=arguments, default=default)
    except ValidationError as error:
        raise SettingsError(describe(error, kind, f"unreel {verb}")) from None
