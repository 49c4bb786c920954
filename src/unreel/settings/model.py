"""What all settings have in common: frozen, nothing unknown accepted, readable from and writable to YAML."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from unreel.errors import SettingsError


class Settings(BaseModel):
    """Base of all settings objects."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnySettings = TypeVar("AnySettings", bound=Settings)


def validated(kind: type[AnySettings], values: Mapping[str, Any], origin: str) -> AnySettings:
    """Settings of that kind from plain values; `origin` names where they came from, in errors.

    Raises:
        SettingsError: a value is unknown (the nearest name is suggested), missing or makes no sense.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(describe(error, kind, origin)) from None


def read_settings(kind: type[AnySettings], path: Path) -> AnySettings:
    """Settings of that kind from a YAML file.

    Raises:
        SettingsError: the file is missing, no YAML mapping, or holds settings that do not exist or make no sense.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}); expected a settings file as a run folder holds."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML ({error}); expected a settings file as a run folder holds.") from None
    if not isinstance(content, dict):
        raise SettingsError(
            f"{path} holds {type(content).__name__}, expected `name: value` lines as in a run's settings.yaml."
        )
    return validated(kind, content, str(path))


def written(settings: Settings) -> str:
    """Settings as YAML that `read_settings` reads back to an equal object."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def describe(error: ValidationError, kind: type[BaseModel], origin: str) -> str:
    """One line per fault: where, what was got, what was expected."""
    lines = [f"{origin}: {len(error.errors())} setting(s) cannot be used."]
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            lines.append(f"  {place}: no such setting{_suggestion(kind, fault['loc'])}")
        elif fault["type"] == "missing":
            lines.append(f"  {place}: missing; it has no default")
        elif not place:  # settings that do not go together
            lines.append(f"  {fault['msg'].removeprefix('Value error, ')}")
        else:
            lines.append(f"  {place}: got {fault['input']!r}: {fault['msg']}")
    return "\n".join(lines)


def _suggestion(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    for part in location[:-1]:
        inner = kind.model_fields[str(part)].annotation if str(part) in kind.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        kind = inner
    near = get_close_matches(str(location[-1]), list(kind.model_fields), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(kind.model_fields)}"
