"""The page of a search: what was looked for and what was found, moving, in one self-contained file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from unreel.errors import RunError
from unreel.reporting.strips import FRAMES, LONGER_SIDE, QUALITY, SHORTER_SIDE, Strip
from unreel.video.planes import Planes

SECONDS_PER_FRAME = 0.1


@dataclass(frozen=True)
class Shown:
    """One video of the page: its path, the piece of it, its label and similarity (None: the query's).

    `frames` are those of the piece, or say why there are none; `copies` are the paths of near duplicates.
    """

    path: str
    piece: str
    label: str
    similarity: float | None
    frames: Planes | str
    copies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name

    @cached_property
    def strip(self) -> Strip | None:
        """The piece as a moving picture."""
        return None if isinstance(self.frames, str) else strip_of(self.frames)


def write_found(out: Path, asked: Shown, found: Sequence[Shown], how: str) -> None:
    """Write the page, whole or not at all; `how` says in a line how it was searched.

    Raises:
        RunError: there is no writing to `out`.
    """
    environment = Environment(
        loader=PackageLoader("unreel.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(Path(__file__).with_name("templates").joinpath("report.css").read_text(encoding="utf-8"))
    html = environment.get_template("found.html").render(asked=asked, found=found, how=how, style=style)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(html.encode("utf-8", "backslashreplace"))
        unfinished.replace(out)
    except OSError as error:
        raise RunError(f"{out} cannot be written ({error.strerror}). Name another place for the page.") from error


def strip_of(planes: Planes) -> Strip:
    """Up to `FRAMES` of the frames, evenly chosen, as one moving picture."""
    count = min(FRAMES, len(planes.luma))
    places = np.linspace(0, len(planes.luma) - 1, count).round().astype(int).tolist()
    pictures = [Image.fromarray(planes.picture(place)) for place in places]
    width, height = pictures[0].size
    scale = min(1.0, SHORTER_SIDE / min(width, height), LONGER_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    row = np.concatenate([np.asarray(picture.resize(size, Image.Resampling.BOX)) for picture in pictures], axis=1)
    image = BytesIO()
    Image.fromarray(row).save(image, "WEBP", quality=QUALITY)
    return Strip(image.getvalue(), count, *size, seconds=max(1, count) * SECONDS_PER_FRAME)
