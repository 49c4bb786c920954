"""HTML documents: one self-contained file, or a page with its moving pictures in a folder beside it.

    report.html                    the page
    report_files/0.webp, 1.webp …  only where it is split: for collections too big for one file

A page asks nothing of any other host: its policy lets a browser load pictures from the page itself, or from the folder
beside it, and run the one script whose hash it names.
"""

import os
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from unreel.engine.files import check_both_free, whole_both, write_whole
from unreel.reporting.strips import Strip

PALETTE = "palette.css"
"""Colours and letters, in light and dark: those of `unreel serve` too."""
STYLES = (PALETTE, "report.css", "figures.css")
SCRIPTS = ("report.js", "figures.js")


def write_document(
    template: str, content: Mapping[str, Any], clips: Mapping[int, Strip], out: Path, *, split: bool = False
) -> Path:
    """Render a template and write the page to `out`, whole or not at all; `clips` are its moving pictures by number.

    Raises:
        OutputError: it cannot be written.
        OverwriteError: it is split, and the folder for the pictures is taken.
    """
    beside = files_beside(out)
    if split:
        check_both_free(out, beside)
    html = _render(template, content, clips, beside if split else None)
    encoded = html.encode("utf-8", "backslashreplace")
    if not split:
        write_whole(out, encoded)
        return out
    with whole_both(out, beside) as (page, folder):
        page.write_bytes(encoded)
        for number, strip in clips.items():
            (folder / f"{number}.webp").write_bytes(strip.image)
    return out


def files_beside(page: Path) -> Path:
    """The folder for the pictures of a page that is split, named as browsers name it when they save a page."""
    return page.with_name(f"{page.stem}_files")


def _render(template: str, content: Mapping[str, Any], clips: Mapping[int, Strip], folder: Path | None) -> str:
    script = "".join(map(template_text, SCRIPTS))
    if folder is None:
        addresses = {number: strip.address for number, strip in clips.items()}
    else:
        addresses = {number: f"{quote(os.fsencode(folder.name))}/{number}.webp" for number in clips}
    frame = {
        "clips": clips,
        "addresses": addresses,
        "pictures": Markup("data:" if folder is None else "'self' data:"),
        "style": Markup("".join(map(template_text, STYLES))),
        "script": Markup(script),
        "script_hash": b64encode(sha256(script.encode()).digest()).decode(),
    }
    return _environment().get_template(template).render({**frame, **content})


@cache
def _environment() -> Environment:
    loader = PackageLoader("unreel.reporting")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def template_text(name: str) -> str:
    """A file of the templates as it is."""
    return files("unreel.reporting").joinpath("templates").joinpath(name).read_text(encoding="utf-8")
