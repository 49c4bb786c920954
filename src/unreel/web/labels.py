"""Labels that people give in the page, in a table that `unreel finetune` takes:

    LABELS.csv             path,label
                           "/videos/park/a.avi",jump
                           "LABELS-clips/0123456789abcdef-1.250-2.500.mp4",wave
    LABELS-clips/          the labelled pieces of videos, cut out

Paths are relative to the table's folder where they lie below it. What else the table holds, other videos and other
columns, stays there. It is read before each change and written whole or not at all.
"""

import errno
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Final, final

from unreel.engine.files import whole, why, write_whole
from unreel.engine.locks import locked
from unreel.errors import CollectionError, OutputError, SettingsError
from unreel.text import comma_separated, quoted
from unreel.video.collection.label_tables import read_table
from unreel.web.catalogue import Catalogue
from unreel.web.selection import SelectedVideo

COLUMN: Final = "label"
LONGEST: Final = 100
"""Letters of a label."""
MOST_UNDONE: Final = 100_000
"""Items of acts that can be undone, those of all browsers together; the last act always can."""

_ELSEWHERE = "Name another file with --labels."
_PIECE = re.compile(r"([0-9a-f]{16})-(\d+\.\d{3})-(\d+\.\d{3})\.mp4")

Table = dict[str, dict[str, str]]
Cuts = Mapping[str, Path]
NO_CUTS: Final[Cuts] = {}


@dataclass(frozen=True)
class Act:
    """A label that was given, and what each item had `before`: "" where it had none."""

    label: str
    before: Sequence[tuple[SelectedVideo, str]]


@final
class Acts:
    """The last acts of all who label, to be undone by those who know their token."""

    def __init__(self) -> None:
        self._acts: dict[str, Act] = {}

    def keep(self, act: Act) -> str:
        """A token for an act."""
        token = secrets.token_hex(8)
        self._acts[token] = act
        while len(self._acts) > 1 and sum(len(each.before) for each in self._acts.values()) > MOST_UNDONE:
            del self._acts[next(iter(self._acts))]
        return token

    def get(self, token: str) -> Act | None:
        """The act of a token, where it can be undone still."""
        return self._acts.get(token)

    def drop(self, token: str) -> None:
        """Forget an act, which was undone."""
        self._acts.pop(token, None)


@final
class Labels:
    """The labels in the table at `path`; there is none before the first label."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        self.path = path.absolute()
        self.clips = self.path.with_name(f"{self.path.stem}-clips")
        self._catalogue = catalogue
        self._videos = {self._written(video.row.path): video for video in catalogue.videos.values()}
        self._lock = Lock()
        self._known: tuple[tuple[int, ...], Table] = (), {}

    def table(self) -> Table:
        """All rows: path → column → value, as they are in the file now.

        Raises:
            CollectionError: it is no table of labels.
        """
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return {}
        state = facts.st_mtime_ns, facts.st_size, facts.st_ino
        if self._known[0] != state:
            self._known = state, {self._written(path): values for path, values in read_table(self.path).items()}
        return self._known[1]

    def given(self) -> list[tuple[SelectedVideo, str]]:
        """The labelled videos and pieces of this collection, in the order of the table.

        Raises:
            CollectionError: it is no table of labels.
        """
        found = ((self._item(path), values.get(COLUMN, "")) for path, values in self.table().items())
        return [(item, label) for item, label in found if item is not None and label]

    def place(self, item: SelectedVideo) -> Path:
        """Where the file is that stands for an item in the table: the video's own, or that of its piece."""
        if not item.is_piece:
            return Path(item.video.row.path)
        return self.clips / f"{item.video.key}-{item.start:.3f}-{item.end:.3f}.mp4"

    def keep(self, cut: Path, item: SelectedVideo) -> None:
        """Keep the file of a piece that is to be labelled.

        Raises:
            CollectionError: it cannot be written.
        """
        place = self.place(item)
        try:
            with whole(place) as unfinished:
                shutil.copyfile(cut, unfinished)
        except (OSError, OutputError) as error:
            raise CollectionError(f"{place} cannot be written: {why(error)}. {_ELSEWHERE}") from error

    def give(self, label: str, items: Sequence[SelectedVideo], cuts: Cuts = NO_CUTS) -> Act:
        """Label items, or with an empty label take theirs away; `cuts` are the files of pieces, by name.

        Raises:
            SettingsError: it is no label.
            CollectionError: the table is no table of labels, or cannot be written.
        """
        label = checked_label(label)
        return Act(label, self._change([(item, label) for item in items], cuts, lambda _: True))

    def undo(self, act: Act, cuts: Cuts = NO_CUTS) -> int:
        """Give back what items had before; those that have another label since then keep it. How many had it back.

        Raises:
            CollectionError: the table is no table of labels, or cannot be written.
        """
        return len(self._change(act.before, cuts, lambda label: label == act.label))

    def _change(
        self, labels: Sequence[tuple[SelectedVideo, str]], cuts: Cuts, may: Callable[[str], bool]
    ) -> list[tuple[SelectedVideo, str]]:
        """Give each item its label where the one it has `may` be changed; the changed ones and what they had."""
        changed: list[tuple[SelectedVideo, str]] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = CollectionError(
                f"{self.path} cannot be written: another program holds {self.path.name}.lock. End that, and give the "
                "label again."
            )
            with self._lock, locked(self.path.with_name(f"{self.path.name}.lock"), held, of=self.path):
                table, emptied = {path: dict(values) for path, values in self.table().items()}, []
                for item, label in labels:
                    place = self.place(item)
                    values = table.setdefault(self._written(str(place)), {})
                    before = values.get(COLUMN, "")
                    if may(before):
                        changed.append((item, before))
                        values[COLUMN] = label
                        emptied += [place] if item.is_piece and not label else []
                        if label and item.name in cuts:
                            self.keep(cuts[item.name], item)
                _write(self.path.resolve(), _text(table))
                for place in emptied:
                    place.unlink(missing_ok=True)
        except (OSError, OutputError) as error:
            raise CollectionError(f"{self.path} cannot be written: {why(error)}. {_ELSEWHERE}") from error
        return changed

    def _written(self, path: str) -> str:
        """A path as the table has it."""
        full = PurePosixPath(path)
        folder = self.path.parent.as_posix()
        return full.relative_to(folder).as_posix() if full.is_relative_to(folder) else full.as_posix()

    def _item(self, path: str) -> SelectedVideo | None:
        """What a row of the table is about; None where it is no video of this collection."""
        if path in self._videos:
            video = self._videos[path]
            return SelectedVideo(video, 0.0, video.row.end, False)
        found = _PIECE.fullmatch(PurePosixPath(path).name)
        if (
            found is None
            or PurePosixPath(path).parent.name != self.clips.name
            or found[1] not in self._catalogue.videos
        ):
            return None
        return SelectedVideo(self._catalogue.videos[found[1]], float(found[2]), float(found[3]), True)


def checked_label(label: str) -> str:
    """The label without spaces around it.

    Raises:
        SettingsError: it is too long, or holds what no name of a folder or line of a table should.
    """
    label = label.strip()
    if len(label) > LONGEST or not label.isprintable() or "/" in label or "\\" in label or label in (".", ".."):
        raise SettingsError(
            f"got the label {quoted(label, 60)}, expected at most {LONGEST} printable letters without slashes."
        )
    return label


def _write(path: Path, text: str) -> None:
    """Write the table, so that it is on the disk, where links lead; who may read it is as before."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    if mode is not None and not mode & 0o222:
        raise PermissionError(errno.EACCES, "it is read-only")
    write_whole(path, text)
    if mode is not None:
        path.chmod(mode)


def _text(table: Table) -> str:
    """The table as a file holds it; rows without any label are left out."""
    columns = list(dict.fromkeys([COLUMN, *(name for values in table.values() for name in values)]))
    named = ((path, values) for path, values in table.items() if any(values.values()))
    return comma_separated(["path", *columns], ([path, *map(values.get, columns)] for path, values in named))
