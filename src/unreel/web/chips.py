"""What the address of a page says, told in the page: conditions that can be taken away, and numbered pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unreel.web.facets import Facet, value_text
from unreel.web.templating import link

_WORDS = {"text": "text", "label": "label", "where": "condition"}
_BESIDE = 2


@dataclass(frozen=True)
class Chip:
    """A condition in force: what it is of, what it says, and the address without it."""

    what: str
    text: str
    address: str


def chips(fields: Mapping[str, Any], facets: Sequence[Facet]) -> list[Chip]:
    """The conditions of an address with these fields."""
    rest = {name: value for name, value in fields.items() if name != "offset"}
    found = [Chip(what, rest[name], link("/", rest, **{name: None})) for name, what in _WORDS.items() if name in rest]
    chosen = rest.get("facet", [])
    for facet in facets:
        for each in chosen:
            if each.startswith(f"{facet.name}:"):
                text = value_text(facet.name, each.removeprefix(f"{facet.name}:"))
                others = [other for other in chosen if other != each]
                found.append(Chip(facet.title, text, link("/", rest, facet=others)))
    if "lasso" in rest:
        found.append(Chip("map", "within the lasso", link("/", rest, lasso=None)))
    return found


def page_numbers(current: int, pages: int) -> list[int | None]:
    """The numbers of pages to go to, from 0: the first, the last and those around the current; None is a gap."""
    near = range(max(0, current - _BESIDE), min(pages, current + _BESIDE + 1))
    numbers = sorted({0, pages - 1, *near} - {-1})
    found: list[int | None] = []
    for number in numbers:
        if found and number - (found[-1] or 0) > 1:
            found.append(None)
        found.append(number)
    return found
