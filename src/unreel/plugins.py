"""How methods and encoders of other makers join: by name, looked up when it is wanted.

    "hdc"             built in: a path of unreel's own
    "mine"            the entry point `mine` of an installed package, in the group unreel.methods or unreel.encoders
    "mine.py:Mine"    a class of a file, or "package.module:Mine": only where the user gives it himself (see `allow`)

A settings file, a table or a weights file of a stranger may name the first two; it never makes unreel run a file.
"""

import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from unreel.errors import SettingsError

_CODE = re.compile(r"(?P<place>[^:\n]*[^:\n\s]):(?P<name>[A-Za-z_]\w*)")
_allowed: dict[tuple[str, str], str] = {}


def is_code(name: str) -> bool:
    """Whether a name says where code lies: FILE.py:CLASS or MODULE:CLASS."""
    return _CODE.fullmatch(name) is not None


def allow(name: str) -> None:
    """Trust code that the user has named himself, on the command line or in a script; other names change nothing."""
    if is_code(name):
        _allowed[_key(name)] = name


def installed(kind: str) -> dict[str, EntryPoint]:
    """What installed packages offer of a kind ("methods", "encoders"), by name; nothing of it is imported."""
    return {each.name: each for each in entry_points(group=f"unreel.{kind}")}


def names(kind: str, builtin: Mapping[str, str]) -> list[str]:
    """All names that may be chosen, but for code."""
    return [*builtin, *(each for each in installed(kind) if each not in builtin)]


def check(kind: str, name: str, builtin: Mapping[str, str]) -> None:
    """Raise SettingsError if there is none of that name; nothing is imported.

    Raises:
        SettingsError: the nearest name is suggested.
    """
    if is_code(name) or name in builtin or name in installed(kind):
        return
    known = names(kind, builtin)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    raise SettingsError(f"there is no {kind.removesuffix('s')} {name!r}; {hint} One of your own is FILE.py:CLASS.")


def load(kind: str, name: str, builtin: Mapping[str, str], base: type) -> Any:
    """The class of that name, imported now; it must be a `base`.

    Raises:
        SettingsError: there is none, it cannot be imported, it is something else, or it is code that only a file names.
    """
    check(kind, name, builtin)
    if name in builtin:
        module, _, attribute = builtin[name].partition(":")
        return getattr(import_module(module), attribute)
    found = _code(name, kind) if is_code(name) else _imported(name, installed(kind)[name].load)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise SettingsError(
            f"{name} is {_what(found)}, expected a class made from unreel's {base.__name__}: see docs/extending.md."
        )
    return found


def _code(name: str, kind: str) -> Any:
    given = _allowed.get(_key(name))
    if given is None:
        option = f"--{kind.removesuffix('s')}"
        raise SettingsError(
            f"{name} is code outside unreel that a file names, expected that you name it too: give {option} {name} if "
            "you trust it."
        )
    place, _, attribute = given.rpartition(":")
    file = Path(place)
    if file.suffix == ".py":
        if not file.is_file():
            raise SettingsError(f"{given} cannot be imported: there is no file {file}.")
        _make_importable(file)
        place = file.stem
    module = _imported(given, lambda: import_module(place))
    if not hasattr(module, attribute):
        raise SettingsError(f"{given} cannot be imported: there is no {attribute} in {place}.")
    return getattr(module, attribute)


def _make_importable(file: Path) -> None:
    """So that worker processes, which are given the same paths, find it by the same name."""
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(file.stem)
    if known is not None and Path(str(getattr(known, "__file__", ""))).resolve() != file.resolve():
        raise SettingsError(f"{file} has the name of a module that is loaded already. Rename the file.")


def _imported(name: str, make: Any) -> Any:
    try:
        return make()
    except Exception as error:  # whatever foreign code raises
        raise SettingsError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _key(name: str) -> tuple[str, str]:
    """What is the same from whatever folder it is named."""
    place, _, attribute = name.rpartition(":")
    return (Path(place).name if place.endswith(".py") else place), attribute


def _what(found: object) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else f"a {type(found).__name__}"
