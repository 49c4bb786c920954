"""The only door to optional packages."""

from importlib import import_module
from types import ModuleType

from unreel.errors import MissingExtraError


def require(package: str, extra: str, module: str = "") -> ModuleType:
    """An optional package, or a module of ours that is written in its terms, imported now.

    Raises:
        MissingExtraError: the package is not installed; the message says how to install it.
    """
    try:
        found = import_module(package)
        return import_module(module) if module else found
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(
            f"got no package {package!r}, which this needs. Install it with: pip install 'unreel[{extra}]'"
        ) from None
