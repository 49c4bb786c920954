"""All that a page can be made of, put together."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.engine.processors import cores
from unreel.engine.standing import StandingPool
from unreel.video.prepare import cache_root
from unreel.web.cuts import Cuts
from unreel.web.finding import Finder
from unreel.web.labels import Labels
from unreel.web.maps import Maps
from unreel.web.originals import Originals
from unreel.web.shelf import Shelf
from unreel.web.uploads import Uploads

PICTURE_SECONDS, PIECE_SECONDS, MAP_SECONDS = 60.0, 600.0, 1800.0
"""How long making each may take, while it goes on."""

SEARCHERS = 4
"""Threads that search: who waits for a decoder there keeps nobody else waiting."""


@dataclass(frozen=True)
class SiteOptions:
    """What is served: see `unreel.cli.serve.Serve`."""

    tables: Sequence[Path | str]
    labels: Path | None = None
    weights: Sequence[Path] = ()
    linked: Sequence[Path] = ()
    largest_upload: int = 64_000_000
    limits: Limits = DEFAULT_LIMITS
    cache: Path = field(default_factory=lambda: cache_root() / "web")


@dataclass(frozen=True)
class Site:
    """What the pages and the API show, and what they do it with."""

    shelf: Shelf
    originals: Originals
    cuts: Cuts
    finder: Finder
    maps: Maps
    labels: Labels
    uploads: Uploads
    searchers: ThreadPoolExecutor

    @property
    def name(self) -> str:
        """Tells this collection from others, in browsers that have seen several."""
        return sha256("\n".join(self.shelf.sources).encode()).hexdigest()[:12]


@contextmanager
def opened(options: SiteOptions) -> Iterator[Site]:
    """A site, with processes that end with it.

    Raises:
        CollectionError: a table cannot be used, or tables are of different collections.
        CheckpointError: there are no weights where some should be.
        MissingExtraError: LanceDB is needed and not installed.
    """
    shelf = Shelf.open(options.tables)
    originals = Originals(options.linked)
    labels = Labels(options.labels or beside(options.tables[0]), shelf)
    labels.table()  # what is no table of labels is told now
    with (
        StandingPool(cores(), replace(options.limits, longest=PICTURE_SECONDS)) as pictures,
        StandingPool(2, replace(options.limits, longest=PIECE_SECONDS)) as pieces,
        StandingPool(1, Limits(MAP_SECONDS, memory=0)) as mapping,
        tempfile.TemporaryDirectory(prefix="unreel-uploads-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(SEARCHERS, "search") as searchers,
    ):
        yield Site(
            shelf,
            originals,
            Cuts(options.cache, pictures, pieces),
            Finder(shelf, originals, pieces, options.weights),
            Maps(options.cache / "maps", mapping),
            labels,
            Uploads(Path(folder), pieces, options.largest_upload),
            searchers,
        )


def beside(table: Path | str) -> Path:
    """Where the labels go if nobody says: beside the table, or here where that is an address."""
    text = str(table)
    place = Path(text.rstrip("/").rsplit("/", 1)[-1]) if "://" in text else Path(text)
    return place.with_name(f"{place.name.removesuffix('.parquet')}.labels.csv")
