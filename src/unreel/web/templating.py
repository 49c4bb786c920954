"""Pages from templates, everything escaped; and the files that they need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from unreel.reporting.document import PALETTE, template_text
from unreel.text import duration_text, size_text

STYLE: Final = "site.css"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file of the pages' own."""

    content: bytes
    type: str

    @property
    def tag(self) -> str:
        """Its ETag."""
        return f'"{sha256(self.content).hexdigest()[:16]}"'


@cache
def assets() -> dict[str, Asset]:
    """All of them, by name; the style begins with the palette of reports."""
    found = {}
    for each in files("unreel.web").joinpath("static").iterdir():
        suffix = each.name[each.name.rfind(".") :]
        if suffix in _TYPES:
            found[each.name] = Asset(each.read_bytes(), _TYPES[suffix])
    style = found[STYLE]
    return found | {STYLE: replace(style, content=template_text(PALETTE).encode() + style.content)}


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page."""
    return _environment().get_template(template).render(context)


def link(path: str, fields: Mapping[str, Any], **changes: Any) -> str:
    """An address with the fields and changes; those that are None or empty are left out."""
    merged = {name: value for name, value in {**fields, **changes}.items() if value not in (None, "", [])}
    text = urlencode(merged, doseq=True)
    return f"{path}?{text}" if text else path


def ruler(seconds: float) -> list[float]:
    """The times that a ruler of so many seconds tells: at most eight, on round numbers."""
    steps = (10.0**power * each for power in range(-2, 9) for each in (1, 2, 5))
    step = next(step for step in steps if seconds <= 7 * step)
    return [round(step * number, 3) for number in range(int(seconds / step) + 1)]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unreel.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration_text, "size": size_text}
    environment.globals |= {"link": link, "ruler": ruler}
    return environment
