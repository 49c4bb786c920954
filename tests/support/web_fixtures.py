"""A small collection, embedded twice, and a real server that shows it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
import torch
import uvicorn
from clips import Clip
from jaxtyping import UInt8

from unreel import models
from unreel.checkpoint import WeightsHeader, save_weights
from unreel.cli.embed import EmbedSettings
from unreel.cli.embed import run as embed
from unreel.settings.encoder import EncoderSettings
from unreel.web.catalogue import key_of
from unreel.web.security import Rules
from unreel.web.server import ServerOptions, listening
from unreel.web.server import server as server_of
from unreel.web.site import Site, SiteOptions, opened

ENCODER = EncoderSettings(name="r3d18", width=1 / 16, size=32, clip_length=8)

NASTY = (
    "odd/<img src=x onerror=alert(1)>.mp4",
    'odd/it\'s "quoted" & {{ 7*7 }}.mp4',
    "odd/two\nlines.mp4",
    "odd/grüße 🎬.mp4",
)
"""Names that a page must escape."""

LOST = {"lost/changed.mp4": "changed", "lost/same size.mp4": "changed", "lost/removed.mp4": "removed"}
ELSEWHERE = {"lost/link.mp4": "outside", "lost/link to a folder/x.mp4": "outside"}
"""What becomes of videos after they were embedded."""

SECRET = b"a secret that nobody may read"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Shop:
    """A collection in `folder`, what it was embedded by (`run`) and into (`tables`), and a `secret` file outside."""

    folder: Path
    run: Path
    tables: tuple[Path, ...]
    secret: Path
    cache: Path


def moving(shade: int, step: int) -> Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]]:
    """Pictures of a bright bar that moves by `step` pixels a frame before a ground of that shade."""

    def picture(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        pixels = np.full((height, width, 3), (shade, 90, 255 - shade), np.uint8)
        left = number * step % width
        pixels[:, left : left + 8] = (230, 220, 200)
        return pixels

    return picture


def write_collection(folder: Path) -> None:
    """18 videos: two classes of four, an AVI and a long one among them, odd names, and those that will be lost."""
    for number in range(4):
        Clip(frames=30 + 4 * number, pictures=moving(40 * number, 2)).write(folder / f"walk/{number}.mp4")
        Clip(frames=26 + 4 * number, pictures=moving(40 * number, 7)).write(folder / f"run/{number}.mp4")
    Clip(frames=60, codec="mpeg4", pictures=moving(100, 3)).write(folder / "run/old.avi")
    for number, name in enumerate((*NASTY, *LOST, *ELSEWHERE)):
        Clip(frames=24, pictures=moving(20 * number, 4)).write(folder / name)
    bytes_name = os.fsencode(folder / "odd") + b"/caf\xe9.mp4"
    shutil.copy(folder / "walk/0.mp4", os.fsdecode(bytes_name))
    Clip(frames=25 * 8, pictures=moving(160, 5)).write(folder / "long.mp4")


def lose(folder: Path, secret: Path) -> None:
    """Change what is to change after it was embedded."""
    (folder / "lost/removed.mp4").unlink()
    Clip(frames=40, pictures=moving(1, 1)).write(folder / "lost/changed.mp4")
    same_size = folder / "lost/same size.mp4"
    content = bytearray(same_size.read_bytes())
    content[-1] ^= 1
    same_size.write_bytes(content)
    (folder / "lost/link.mp4").unlink()
    (folder / "lost/link.mp4").symlink_to(secret)
    shutil.rmtree(folder / "lost/link to a folder")
    (folder / "lost/link to a folder").symlink_to(secret.parent)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The collection, after some of its videos were changed, removed, and replaced by links to secrets."""
    root = tmp_path_factory.mktemp("shop")
    folder, run, secret = root / "videos", root / "runs" / "tiny", root / "secret" / "x.mp4"
    write_collection(folder)
    secret.parent.mkdir()
    secret.write_bytes(SECRET)
    run.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        state = {f"encoder.{name}": each for name, each in models.build_from(ENCODER).state_dict().items()}
    save_weights(run / "weights.safetensors", state, WeightsHeader(ENCODER, "tiny", 0), step=0)
    tables = root / "tiny.lance", root / "untrained.lance"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNREEL_CACHE", str(root / "cache"))
        for table, untrained in zip(tables, (False, True), strict=True):
            values = {"run": run, "folder": folder, "out": str(table), "clips": 4, "untrained": untrained}
            embed(EmbedSettings.model_validate(values | {"labels": "folders", "accelerator": "cpu"}))
    lose(folder, secret)
    yield Shop(folder, run, tables, secret, root / "cache")


@pytest.fixture(scope="session")
def site(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The collection, opened; its labels are in a file that is not there at first."""
    labels = tmp_path_factory.mktemp("labels") / "mine.csv"
    with opened(SiteOptions(shop.tables, labels, cache=shop.cache / "web", largest_upload=2_000_000)) as site:
        yield site


@contextmanager
def serving(site: Any, rules: Rules) -> Iterator[str]:
    """A real server of a site in a thread; its address."""
    with running(server_of(site, rules)) as address:
        yield address


@contextmanager
def running(server: uvicorn.Server) -> Iterator[str]:
    """A server in a thread; its address."""
    with listening(ServerOptions("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def address(site: Site) -> Iterator[str]:
    """Where the collection is shown."""
    with serving(site, Rules(largest_upload=2_000_000, seconds=20.0)) as address:
        yield address


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx.Client]:
    """Asks the server."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def no_labels(site: Site) -> Iterator[Site]:
    """The site without any label, before and after."""
    yield site
    site.labels.path.unlink(missing_ok=True)
    shutil.rmtree(site.labels.clips, ignore_errors=True)


def awaited(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of asynchronous work; in a thread of its own, as Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def key(name: str) -> str:
    """The key of a video."""
    return key_of(name)
