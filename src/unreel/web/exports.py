"""What was selected, to take along: a list, a table, or the clips themselves."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from unreel.errors import OutputError, SettingsError, VideoError
from unreel.text import comma_separated
from unreel.video.collection.label_tables import list_text
from unreel.web.clip_cache import Cuts
from unreel.web.selection import SelectedVideo
from unreel.web.source_files import Originals

LONGEST_PIECE: Final = 120.0
"""Seconds of a video that are made playable at a time."""

MOST_CLIPS: Final = 500
LEFT_OUT: Final = "left out.txt"

_LONGEST_NAME = 80


def as_list(items: Sequence[SelectedVideo]) -> str:
    """The paths of the videos, one a line, each once: a list that unreel takes in place of a folder."""
    return list_text(dict.fromkeys(item.video.row.path for item in items))


def as_table(items: Sequence[SelectedVideo], label_of: Callable[[SelectedVideo], str]) -> str:
    """A csv of path, start and end in seconds, label, and similarity where the item was found by one."""
    rows = []
    for item in items:
        similarity = None if item.similarity is None else round(item.similarity, 6)
        rows.append([item.video.row.path, f"{item.start:.3f}", f"{item.end:.3f}", label_of(item), similarity])
    return comma_separated(["path", "start", "end", "label", "similarity"], rows)


def check_clips(items: Sequence[SelectedVideo]) -> Sequence[SelectedVideo]:
    """The items, where they are not too many to be cut.

    Raises:
        SettingsError: they are.
    """
    if len(items) > MOST_CLIPS:
        raise SettingsError(f"got {len(items)} items, expected at most {MOST_CLIPS} clips at once: select fewer.")
    return items


async def as_clips(
    items: Sequence[SelectedVideo], folder_of: Callable[[SelectedVideo], str], originals: Originals, cuts: Cuts
) -> AsyncIterator[bytes]:
    """A zip of H.264 clips, piece by piece as they get ready; `folder_of` names the folder of each ("": none).

    What could not be cut is told in `left out.txt`.
    """
    sink, left_out = _Sink(), []
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for number, item in enumerate(items, start=1):
            end = min(item.end, item.start + LONGEST_PIECE)
            if end < item.end:
                left_out.append(f"{item.video.row.id}: from {end:g} s on (clips have at most {LONGEST_PIECE:g} s)")
            try:
                piece = await cuts.piece(await originals.checked(item.video.row), item.start, end)
                content = piece.read_bytes()
            except (VideoError, OSError, OutputError) as error:
                left_out.append(f"{item.video.row.id}: {error}")
                continue
            archive.writestr(ZipInfo(_name(number, item, end, folder_of(item))), content)
            yield sink.taken()
        if left_out:
            archive.writestr(ZipInfo(LEFT_OUT), "\n".join(left_out).encode("utf-8", "backslashreplace"))
    yield sink.taken()


def _name(number: int, item: SelectedVideo, end: float, folder: str) -> str:
    video = _safe(item.video.row.id.rsplit(".", 1)[0])
    name = f"{number:03d} {video} {item.start:.2f}-{end:.2f}.mp4"
    return f"{_safe(folder)}/{name}" if folder else name


def _safe(name: str) -> str:
    """A name that every file system takes, and that leads nowhere else."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in name)
    return re.sub(r'[<>:"/\\|?*]', "_", printable).strip(". ")[-_LONGEST_NAME:].strip(". ") or "_"


@final
class _Sink:
    """What a zip is written into, and taken from as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes, /) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        content = b"".join(self._parts)
        self._parts.clear()
        return content
