"""Which videos of a collection are meant by the names that files of annotations have for them.

C:\\Users\\anna\\videos\\run\\a.mp4     run/a.mp4      what a name and an id end with, in whole components
file:///media/usb/run/b%20c.mp4     run/b c.mp4    of a URL its path, without escapes
/data/upload/3/1f0e2d3c-d.mp4       walk/d.mp4     Label Studio puts eight digits before what is uploaded
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from unreel.text import first_of, quoted

_SHOWN = 3
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|/data/(upload|local-files)/", re.IGNORECASE)
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")

Components = tuple[str, ...]


@dataclass(frozen=True)
class MediaMatches:
    """The id that each name means, and of every other name a sentence that says why it means none."""

    found: dict[str, str]
    unmatched: dict[str, str]


def match_media(names: Iterable[str], ids: Iterable[str]) -> MediaMatches:
    """Match names with ids: those that are equal, else the one id that shares the longest end of its path.

    Names that would mean one id although they end differently mean none: no video gets another's labels.
    """
    known = {_normal(id): id for id in ids}
    ends: dict[Components, set[str]] = {}
    for id in known.values():
        parts = path_components(id)
        for place in range(len(parts)):
            ends.setdefault(parts[place:], set()).add(id)
    found: dict[str, str] = {}
    unmatched: dict[str, str] = {}
    for name in dict.fromkeys(names):
        alike = {known[_normal(name)]} if _normal(name) in known else _longest(ends, path_components(name))
        if len(alike) == 1:
            found[name] = next(iter(alike))
        elif alike:
            unmatched[name] = f"{quoted(name)} may be {first_of(sorted(alike), _SHOWN)}: name more of its path."
        else:
            unmatched[name] = f"{quoted(name)} is no video of the collection."
    for name, others in _contradicting(found).items():
        unmatched[name] = f"{quoted(name)} and {first_of(others, _SHOWN)} may both be {quoted(found[name])}."
    return MediaMatches({name: id for name, id in found.items() if name not in unmatched}, unmatched)


def path_components(name: str) -> Components:
    """The folders and the file that a path or URL names, of any system."""
    name = name.strip()
    if _URL.match(name):
        parts = urlsplit(name) if "[" not in name else urlsplit("")
        local = parse_qs(parts.query).get("d")  # Label Studio: /data/local-files/?d=FOLDER/FILE
        name = local[0] if local else unquote(parts.path or name)
    return tuple(part for part in _normal(name).split("/") if part not in ("", "."))


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _longest(ends: dict[Components, set[str]], parts: Components) -> set[str]:
    """The ids that end as a path does, as far as possible, or as it does without escapes or the prefix of an upload."""
    if not parts:
        return set()
    plain = tuple(map(unquote, parts))
    for spelling in (parts, plain, (*plain[:-1], _UPLOADED.sub("", plain[-1], count=1))):
        for place in range(len(spelling)):
            if alike := ends.get(spelling[place:]):
                return alike
    return set()


def _contradicting(found: dict[str, str]) -> dict[str, list[str]]:
    """Names that mean an id that others mean too, though neither is the end of the other."""
    by_id: dict[str, list[str]] = {}
    for name, id in found.items():
        by_id.setdefault(id, []).append(name)
    against: dict[str, list[str]] = {}
    for names in (names for names in by_id.values() if len(names) > 1):
        longest = max(map(path_components, names), key=len)
        odd = [name for name in names if longest[len(longest) - len(path_components(name)) :] != path_components(name)]
        if odd:
            against |= {name: [other for other in names if other != name] for name in names}
    return against
