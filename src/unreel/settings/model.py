"""What all settings have in common: frozen, nothing unknown accepted, readable from and writable to YAML.

Every number has a largest value, so far off that nobody who means it meets it: a slip of the keyboard is told at once,
and not by a machine without memory.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unreel.errors import SettingsError
from unreel.reading import FileSchema, brief, read_yaml
from unreel.text import excerpt

LARGEST = 10**9

Count = Annotated[int, Field(ge=0, le=LARGEST)]
PositiveCount = Annotated[int, Field(ge=1, le=LARGEST)]
Amount = Annotated[float, Field(ge=0, le=LARGEST)]
PositiveAmount = Annotated[float, Field(gt=0, le=LARGEST)]
Seconds = Annotated[float, Field(gt=0, le=10**6)]
Interval = Annotated[float, Field(ge=0.01, le=10**6)]
"""Seconds from one thing to the next: a hundred a second at the most."""
Workers = Annotated[int, Field(ge=0, le=1024)]
"""Processes; 0: this one does it."""
PositiveWorkers = Annotated[int, Field(ge=1, le=1024)]
Clips = Annotated[int, Field(ge=1, le=10_000)]
"""Clips of a video."""
Videos = Annotated[int, Field(ge=1, le=10**6)]
"""Videos to make."""
Folds = Annotated[int, Field(ge=2, le=1000)]
BatchSize = Annotated[int, Field(ge=2, le=2**20)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

_TOLD = 5
_WANTED = FileSchema(SettingsError, "Expected a settings file as a run folder holds.")


class Settings(BaseModel):
    """Base of all settings objects."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for each in cls.model_fields.values():  # in the lines of --help, not of the source
            each.description = each.description and " ".join(each.description.split())


AnySettings = TypeVar("AnySettings", bound=Settings)


def validated(kind: type[AnySettings], values: Mapping[str, Any], origin: str) -> AnySettings:
    """Settings of that kind from plain values; `origin` names where they came from, in errors.

    Raises:
        SettingsError: a value is unknown (the nearest name is suggested), missing or makes no sense.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(*describe(error, kind, origin).split("\n")) from None


def read_settings(kind: type[AnySettings], path: Path) -> AnySettings:
    """Settings of that kind from a YAML file.

    Raises:
        SettingsError: the file is missing, no YAML mapping, or holds settings that do not exist or make no sense.
    """
    return validated(kind, read_values(path), str(path))


def read_values(path: Path) -> dict[str, Any]:
    """The plain values of a settings file.

    Raises:
        SettingsError: the file is missing or no YAML mapping.
    """
    return read_yaml(path, _WANTED)


def written(settings: Settings) -> str:
    """Settings as YAML that `read_settings` reads back to an equal object."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def describe(error: ValidationError, kind: type[BaseModel], origin: str) -> str:
    """The faults: of each where it is, what was got and what was expected."""
    faults = error.errors(include_url=False)
    told = [_described(fault["loc"], fault["type"], fault["msg"], fault["input"], kind) for fault in faults[:_TOLD]]
    more = [f"and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
    return f"{origin}: {len(faults)} setting(s) cannot be used: {'; '.join([*told, *more])}"


def _described(location: tuple[int | str, ...], fault: str, message: str, got: object, kind: type[BaseModel]) -> str:
    place = excerpt(".".join(str(part) for part in location))
    if "encoder" in kind.model_fields and location[:1] == ("encoder",):  # whose options stand beside the others
        place = place.removesuffix(".name") if location[1:] == ("name",) else place.removeprefix("encoder.")
    if fault == "extra_forbidden":
        return f"{place}: no such setting{_suggestion(kind, location)}"
    if fault == "missing":
        return f"{place}: missing; it has no default"
    if not place:  # settings that do not go together
        return message.removeprefix("Value error, ")
    return f"{place}: got {brief(got)}: {message}"


def _suggestion(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    for part in location[:-1]:
        inner = kind.model_fields[str(part)].annotation if str(part) in kind.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        kind = inner
    names, encoder = list(kind.model_fields), kind.model_fields.get("encoder")
    if encoder is not None and isinstance(encoder.annotation, type) and issubclass(encoder.annotation, BaseModel):
        names += [name for name in encoder.annotation.model_fields if name != "name"]
    near = get_close_matches(str(location[-1])[:100], names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(names)}"
