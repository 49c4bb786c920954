"""Labels are on the disk when they are answered: under kills at every moment, and where the disk is full."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from web_fixtures import Shop, key

from unreel.video.collection.label_tables import read_table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="moments and limits are Linux's")

FOREIGN = "path,scene,label\n/elsewhere/a.mp4,park,run\n"
PIECE, OTHER = f"{key('long.mp4')}@1.000-2.000", f"{key('long.mp4')}@3.000-4.000"
GIVEN = [
    ("slow", (key("walk/0.mp4"),)),
    ("piece", (PIECE,)),
    ("fast", (key("run/0.mp4"), key("run/1.mp4"))),
    ("", (key("walk/0.mp4"),)),
    ("again", (PIECE, OTHER)),
    ("", (OTHER,)),
]


class Server:
    """Forks that serve: see `web_kills`."""

    def __init__(self, shop: Shop, labels: Path) -> None:
        words = [*map(str, shop.tables[:1]), "--port", "0", "--labels", str(labels)]
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1] / "support" / "web_kills.py"), str(labels.parent), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"UNREEL_CACHE": str(shop.cache), "OMP_NUM_THREADS": "1"},
        )

    def close(self) -> None:
        """End the process that forks."""
        self._process.communicate()

    @contextmanager
    def until(self, moment: int) -> Iterator[tuple[httpx.Client, int]]:
        """A client of a server that ends at a moment, and the number of its process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{moment}\n")
        self._process.stdin.flush()
        found = re.fullmatch(r"(\d+) showing .* at (http://\S+)\n", self._process.stdout.readline())
        assert found
        try:
            with httpx.Client(base_url=found[2], timeout=60) as client:
                yield client, int(found[1])
        finally:
            with suppress(ProcessLookupError):
                os.kill(int(found[1]), signal.SIGKILL)
        assert self._process.stdout.readline() == "ended\n"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A table that others have begun."""
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "labels.csv"
    path.write_text(FOREIGN)
    return path


@pytest.fixture
def server(shop: Shop, labels: Path) -> Iterator[Server]:
    """Serves until killed."""
    server = Server(shop, labels)
    yield server
    server.close()


def give(client: httpx.Client, label: str, items: tuple[str, ...]) -> httpx.Response:
    """Label items through the API."""
    return client.put("/api/labels/items", json={"items": items, "label": label})


def held(labels: Path) -> dict[str, str]:
    """The labels in the table, by the end of the path; what was there before is there."""
    table = read_table(labels)
    assert table.pop("/elsewhere/a.mp4") == {"scene": "park", "label": "run"}
    for path in table:
        assert (labels.parent / path).is_file(), "a row names a file that is not there"
    return {Path(path).name: row["label"] for path, row in table.items() if row["label"]}


def expected(given: list[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """What the table holds after these, as `held` gives it."""
    names = {key(f"{name}.mp4"): f"{Path(name).name}.mp4" for name in ("walk/0", "run/0", "run/1")}
    names |= {item: f"{item.replace('@', '-')}.mp4" for item in (PIECE, OTHER)}
    found: dict[str, str] = {}
    for label, items in given:
        found |= dict.fromkeys(items, label)
    return {names[item]: label for item, label in found.items() if label}


MOMENTS = [pytest.param(range(1, 61), marks=pytest.mark.slow, id="each"), pytest.param((1, 5, 12, 24), id="some")]


@pytest.mark.parametrize("moments", MOMENTS)
def test_what_was_answered_is_on_the_disk_whatever_kills(server: Server, labels: Path, moments: range) -> None:
    killed = 0
    for moment in moments:
        labels.write_text(FOREIGN)
        answered: list[tuple[str, tuple[str, ...]]] = []
        with server.until(moment) as (client, _):
            for label, items in GIVEN:
                try:
                    assert give(client, label, items).status_code == 200
                except httpx.TransportError:
                    killed += 1
                    break
                answered.append((label, items))
            else:
                assert client.get("/").status_code == 200  # it had no more such moments
        assert held(labels) in (expected(answered), expected(GIVEN[: len(answered) + 1]))
    assert killed >= min(30, len(moments))
    with server.until(0) as (client, _):
        assert give(client, "slow", GIVEN[0][1]).status_code == 200
        assert held(labels) | {"0.mp4": "slow"} == held(labels)


def test_a_full_disk_is_told_and_loses_no_label(server: Server, labels: Path) -> None:
    with server.until(0) as (client, process):
        for label, items in GIVEN[:3]:
            assert give(client, label, items).status_code == 200
        before = labels.read_bytes()
        _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, most))
        for label, items in GIVEN[3:5]:
            answer = give(client, label, items)
            assert answer.status_code in (409, 507)  # there may be no room for a process that cuts a piece
            assert re.fullmatch(
                r"\S+ cannot be written: .*\. Name another file with --labels\.|The server has no room for this .*",
                answer.json()["detail"],
            )
        for name, size in (("small.mp4", 10_000), ("large.mp4", 1_500_000)):
            sent = client.post("/api/uploads", files={"file": (name, bytes(size), "video/mp4")})
            assert sent.status_code in (503, 507)  # there may be no folder for what is sent, or no room in it
            assert re.match(r"The server (has no room for|cannot do) this", sent.json()["detail"])
        assert client.get("/").status_code == 200
        assert labels.read_bytes() == before
        resource.prlimit(process, resource.RLIMIT_FSIZE, (most, most))
        for label, items in GIVEN[3:]:
            assert give(client, label, items).status_code == 200
        assert held(labels) == expected(GIVEN)
