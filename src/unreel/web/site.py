"""All that a page can be made of, put together."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from unreel.engine.cpus import cores
from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.engine.worker_pool import WorkerPool
from unreel.video.collection.prepare import cache_root
from unreel.web.catalogue import Catalogue
from unreel.web.clip_cache import Cuts
from unreel.web.facets import Facets
from unreel.web.guesses import Guesser
from unreel.web.label_keys import LabelKeys
from unreel.web.labels import Acts, Labels
from unreel.web.maps import Maps
from unreel.web.search import Finder
from unreel.web.source_files import Originals
from unreel.web.uploads import Uploads, own_folder

PICTURE_SECONDS, PIECE_SECONDS, MAP_SECONDS = 60.0, 600.0, 1800.0
"""How long making each may take, while it goes on."""

IDLE_SECONDS = 180.0
"""After which processes that have nothing to do end: together they hold half a gigabyte."""

SEARCHERS = 4
"""Threads that search: who waits for a decoder there keeps nobody else waiting."""


@dataclass(frozen=True)
class SiteOptions:
    """What is served: see `unreel.cli.serve.ServeSettings`."""

    tables: Sequence[Path | str]
    labels: Path | None = None
    weights: Sequence[Path] = ()
    linked: Sequence[Path] = ()
    largest_upload: int = 64_000_000
    limits: Limits = DEFAULT_LIMITS
    idle: float = IDLE_SECONDS
    cache: Path = field(default_factory=lambda: cache_root() / "web")
    uploads: Path = field(default_factory=lambda: cache_root() / "uploads")


@dataclass(frozen=True)
class Site:
    """What the pages and the API show, and what they do it with."""

    catalogue: Catalogue
    facets: Facets
    originals: Originals
    cuts: Cuts
    finder: Finder
    maps: Maps
    labels: Labels
    acts: Acts
    guesser: Guesser
    keys: LabelKeys
    uploads: Uploads
    searchers: ThreadPoolExecutor

    @property
    def name(self) -> str:
        """Tells this collection from others, in browsers that have seen several."""
        return sha256("\n".join(self.catalogue.sources).encode()).hexdigest()[:12]


@contextmanager
def opened(options: SiteOptions) -> Iterator[Site]:
    """A site, with processes that end with it.

    Raises:
        CollectionError: a table cannot be used, or tables are of different collections.
        CheckpointError: there are no weights where some should be.
        MissingExtraError: LanceDB is needed and not installed.
        SettingsError: what is sent cannot be kept.
    """
    catalogue = Catalogue.open(options.tables)
    originals = Originals(options.linked)
    labels = Labels(options.labels or beside(options.tables[0]), catalogue)
    labels.table()  # what is no table of labels is told now
    with (
        own_folder(options.uploads) as folder,  # goes after those who write into it
        ThreadPoolExecutor(SEARCHERS, "search") as searchers,  # ends when those have ended whom it waits for
        ThreadPoolExecutor(1, "guess") as guessing,
        WorkerPool(cores(), replace(options.limits, longest=PICTURE_SECONDS), options.idle) as pictures,
        WorkerPool(2, replace(options.limits, longest=PIECE_SECONDS), options.idle) as pieces,
        WorkerPool(1, Limits(MAP_SECONDS, memory=0), options.idle) as mapping,
    ):
        yield Site(
            catalogue,
            Facets(catalogue.videos.values()),
            originals,
            Cuts(options.cache, pictures, pieces),
            Finder(catalogue, originals, pieces, options.weights),
            Maps(options.cache / "maps", mapping),
            labels,
            Acts(),
            Guesser(catalogue, guessing),
            LabelKeys(),
            Uploads(folder, pieces, options.largest_upload),
            searchers,
        )


def beside(table: Path | str) -> Path:
    """Where the labels go if nobody says: beside the table, or here where that is an address."""
    text = str(table)
    place = Path(text.rstrip("/").rsplit("/", 1)[-1]) if "://" in text else Path(text)
    return place.with_name(f"{place.name.removesuffix('.lance')}.labels.csv")
