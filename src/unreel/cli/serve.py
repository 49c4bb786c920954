"""`unreel serve`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from pydantic import Field

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.errors import SettingsError
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.web.site import SiteOptions

SHORTEST_TOKEN = 12
"""Letters."""


class ServeSettings(LimitSettings, EncoderCode):
    """Show a table of `unreel embed` as a web page: browse, search, compare encoders, map, label, export.

    Nothing is shown to other machines unless --host says so; then the address that is printed holds a token, without
    which nobody sees anything. A JSON API is described in /openapi.json.
    """

    tables: tyro.conf.Positional[tuple[str, ...]]
    """Tables of one collection; those of several encoders are compared."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0: all of this machine's."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen at; 0: any that is free."""
    token: str | None = None
    """What one must know to see anything; default: made up where other machines can ask, not needed otherwise."""
    hosts: tuple[str, ...] = ()
    """Other names that this server is called by, as behind a proxy."""
    labels: Path | None = None
    """Table (.csv) for the labels given in the page; default: beside the first table of embeddings."""
    weights: tuple[Path, ...] = ()
    """Where encoders are now that have moved since they embedded."""
    links: tuple[Path, ...] = ()
    """Folders outside the collection that links in it may lead to."""
    upload_megabytes: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Size of the largest video that may be sent to search by."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(ServeSettings, "serve", arguments))


def run(settings: ServeSettings) -> None:
    """Open the tables, say where they are shown, and show them until stopped."""
    from unreel.extras import require

    if not settings.tables:
        raise SettingsError("no table was named. Make one with `unreel embed RUN FOLDER --out TABLE`, and name it.")
    if settings.token is not None and len(settings.token) < SHORTEST_TOKEN:
        raise SettingsError(
            f"the token has {len(settings.token)} letters, expected at least {SHORTEST_TOKEN}: others could guess it."
        )
    for package in ("fastapi", "uvicorn", "python_multipart"):
        require(package, "web")
    from unreel.web.server import ServerOptions, serve
    from unreel.web.site import opened

    place = ServerOptions(
        settings.host, settings.port, settings.token, settings.hosts, settings.upload_megabytes * 1_000_000
    )
    with opened(site_options(settings)) as site:
        serve(site, place, lambda address: say(f"showing {unbroken(site.catalogue.title)} at {address}"))


def site_options(settings: ServeSettings) -> "SiteOptions":
    """What is to be shown."""
    from unreel.web.site import SiteOptions

    return SiteOptions(
        tables=settings.tables,
        labels=settings.labels,
        weights=settings.weights,
        linked=settings.links,
        limits=settings.limits(),
        largest_upload=settings.upload_megabytes * 1_000_000,
    )
