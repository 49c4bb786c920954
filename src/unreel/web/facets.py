"""What tells videos apart in the page, and how many of those found have each value.

given         the label given in the page; "" is not yet labelled
differs       whether that is the table's own label
suggested     the label that is guessed for a video that has none yet
label.NAME    each of the table's own labels
folder        the folders that a video lies in, the first levels of them
length        a range of seconds
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

from unreel.errors import SettingsError
from unreel.text import quoted
from unreel.web.catalogue import Video

LENGTHS: Final = {
    2.0: "under 2 s",
    5.0: "2 to 5 s",
    10.0: "5 to 10 s",
    60.0: "10 to 60 s",
    600.0: "1 to 10 min",
    float("inf"): "10 min and more",
}
"""Seconds that a video of each range is shorter than."""

DEEPEST: Final = 2
"""Levels of folders that are told apart."""
MOST_VALUES: Final = 200
"""Of a facet that are shown, the commonest of them."""

_NONE = {"given": "not yet labelled", "folder": "in no folder"}
_DIFFERS = {"yes": "differs from the table", "no": "same as in the table"}

Values = Mapping[str, Sequence[str]]
"""Facet → the values that a video has of it."""


@dataclass(frozen=True)
class FacetValue:
    """A value, what to call it, how many videos have it, whether it is chosen; `depth` of a folder in its tree."""

    value: str
    text: str
    count: int
    chosen: bool
    depth: int = 0


@dataclass(frozen=True)
class Facet:
    """One way to tell videos apart."""

    name: str
    title: str
    values: Sequence[FacetValue]


@final
class Facets:
    """The facets of some videos; `given` labels are told each time, for they change."""

    def __init__(self, videos: Iterable[Video]) -> None:
        videos = list(videos)
        columns = sorted({name for video in videos for name in video.row.labels})
        self._known = {video.key: _known(video, columns) for video in videos}
        self.titles = {"given": "Label given here", "differs": "Given and table", "suggested": "Suggested label"}
        self.titles |= {f"label.{name}": name for name in columns}
        self.titles |= {"folder": "Folder", "length": "Length"}

    def values(self, video: Video, given: str, guessed: str = "") -> Values:
        """The values of a video that was `given` that label, or "", and then is `guessed` to have another, or ""."""
        differs = ("no" if given == video.row.label else "yes",) if given else ()
        suggested = (guessed,) if guessed and not given else ()
        return {"given": (given,), "differs": differs, "suggested": suggested, **self._known[video.key]}

    def colour(self, name: str, video: Video, given: str) -> str:
        """The value that a video's point is coloured by: of a facet, or the table's label where none is named.

        Raises:
            SettingsError: there is no such facet.
        """
        if name and name not in self.titles:
            raise SettingsError(f"got the facet {quoted(name, 60)}, expected one of: {', '.join(self.titles)}.")
        return next(iter(self.values(video, given)[name]), "") if name else video.row.label

    def read(self, chosen: Iterable[str]) -> dict[str, frozenset[str]]:
        """The values wanted of each facet, from texts `NAME:VALUE`.

        Raises:
            SettingsError: there is no such facet.
        """
        wanted: dict[str, frozenset[str]] = {}
        for text in chosen:
            name = next((name for name in self.titles if text.startswith(f"{name}:")), None)
            if name is None:
                raise SettingsError(
                    f"got the facet {quoted(text, 60)}, expected NAME:VALUE with a name of: {', '.join(self.titles)}."
                )
            wanted[name] = wanted.get(name, frozenset()) | {text.removeprefix(f"{name}:")}
        return wanted

    def count(
        self,
        videos: Iterable[Video],
        given: Mapping[str, str],
        wanted: Mapping[str, frozenset[str]],
        guessed: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[list[Video], list[Facet]]:
        """The videos that have a wanted value of each facet, and the facets.

        The counts of a facet are of videos that are wanted by all others: what would be found if it were chosen.
        """
        found, counts = [], {name: Counter[str]() for name in self.titles}
        for video in videos:
            values = self.values(video, given.get(video.key, ""), guessed.get(video.key, ""))
            missed = [name for name, any_of in wanted.items() if any_of.isdisjoint(values.get(name, ()))]
            if not missed:
                found.append(video)
            if len(missed) < 2:
                for name in missed or values:
                    counts[name].update(values.get(name, ()))
        return found, [self._facet(name, counts[name], wanted.get(name, frozenset())) for name in self.titles]

    def _facet(self, name: str, counts: Counter[str], chosen: frozenset[str]) -> Facet:
        values = dict(counts.most_common(MOST_VALUES)) | {value: counts[value] for value in chosen}
        order = list(LENGTHS.values()).index if name == "length" and chosen <= set(LENGTHS.values()) else str
        shown = [_shown(name, value, values[value], value in chosen) for value in sorted(values, key=order)]
        return Facet(name, self.titles[name], shown)


def value_text(name: str, value: str) -> str:
    """What to call a value of a facet."""
    if name == "differs":
        return _DIFFERS.get(value, value)
    return value or _NONE.get(name, "no label")


def _shown(name: str, value: str, count: int, chosen: bool) -> FacetValue:
    """A value in the panel, where a folder stands below the one that it lies in."""
    text = value_text(name, value)
    if name == "folder":
        return FacetValue(value, text.rsplit("/", 1)[-1], count, chosen, value.count("/"))
    return FacetValue(value, text, count, chosen)


def _known(video: Video, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values that stay."""
    folders = video.row.id.split("/")[:-1][:DEEPEST]
    length = next(text for seconds, text in LENGTHS.items() if video.row.end < seconds)
    own = {f"label.{name}": (video.row.labels.get(name, ""),) for name in columns}
    inside = tuple("/".join(folders[: depth + 1]) for depth in range(len(folders)))
    return own | {"folder": inside or ("",), "length": (length,)}
