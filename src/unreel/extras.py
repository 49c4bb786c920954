"""The only door to optional packages."""

from importlib import import_module
from types import ModuleType

from unreel.errors import MissingExtraError


def require(package: str, extra: str) -> ModuleType:
    """An optional package, imported now.

    Raises:
        MissingExtraError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(
            f"got no package {package!r}, which this needs. Install it with: pip install 'unreel[{extra}]'"
        ) from None
