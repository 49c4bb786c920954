"""Where results go: nothing is ever overwritten."""

from pathlib import Path

from unreel.errors import OverwriteError


def check_free(path: Path) -> None:
    """Refuse to write where something is already; an empty folder is nothing.

    Raises:
        OverwriteError: there is a file or a folder that is not empty.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OverwriteError(f"{path} exists already and nothing is overwritten: write to another place, or remove it.")
