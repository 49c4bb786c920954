"""`unreel serve` as a user types it: it says where it is, lets in whom it should, ends when told."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from running import states_of_session
from web_fixtures import Shop, awaited, key

from unreel.cli.serve import ServeSettings, run, site_options
from unreel.errors import CheckpointError, CollectionError, MissingExtraError, SettingsError

READERS = 200

HALF = b"GET /help HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
WHOLE = b"GET /help HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BODY = (
    b"PUT /api/labels/items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


@contextmanager
def unreel_serve(
    shop: Shop, *words: str, cache: Path | None = None, ended_by: int = signal.SIGINT, files: int = 0
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address that the command prints, and its process, which may open so many `files`; it writes no log."""
    command = [sys.executable, "-m", "unreel", "serve", *map(str, shop.tables), "--port", "0", *words]
    if files:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    environment = os.environ | {"UNREEL_CACHE": str(cache or shop.cache), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"showing videos at (http://\S+)\n", line)
            assert found, line + (process.stderr.read() if process.stderr and process.poll() is not None else "")
            yield found[1], process
        finally:
            process.send_signal(ended_by)
            _, said = process.communicate(timeout=60)
            if ended_by != signal.SIGKILL:  # of which only the tracker of semaphores can tell
                assert re.sub(r"unreel: (interrupted|ended by \w+)\n", "", said) == ""


async def read(client: httpx.AsyncClient, number: int) -> list[int]:
    """What a person does in a minute: browse, look, search, play, choose a piece."""
    video = key(f"{('walk', 'run')[number % 2]}/{number % 4}.mp4")
    paths = [
        "/",
        f"/api/videos/{video}/strip",
        f"/video/{video}?top=6",
        f"/api/videos/{video}/piece",
        f"/api/videos/{video}/similar?at=0.2&kind=clip&encoder=0",
    ]
    answers = [await client.get(path) for path in paths]
    assert answers[2].text.count('<article class="tile') == 12
    assert len(answers[4].json()["answers"][0]["hits"]) > 10
    return [answer.status_code for answer in answers]


@pytest.mark.slow
def test_two_hundred_read_at_once_without_an_error(shop: Shop) -> None:
    async def everybody(address: str) -> Counter[int]:
        limits = httpx.Limits(max_connections=READERS)
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=120) as client:
            read_by = await asyncio.gather(*(read(client, number) for number in range(READERS)))
        return Counter(status for statuses in read_by for status in statuses)

    with unreel_serve(shop) as (address, process):
        assert awaited(everybody(address)) == {200: 5 * READERS}
    assert process.returncode in (0, 130)


def send_video(address: str, shop: Shop) -> None:
    """Search by a video of one's own, as people do: it is kept on the server for half an hour."""
    content = (shop.folder / "walk/0.mp4").read_bytes()
    assert httpx.post(f"{address}/api/uploads", files={"file": ("a.mp4", content)}, timeout=60).status_code == 201


def left(cache: Path) -> list[str]:
    """What lies where videos are kept that were sent."""
    return [path.name for path in (cache / "uploads").iterdir() if path.name != "lock"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up as Linux has them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_nothing_is_left_however_it_is_told_to_end(shop: Shop, tmp_path: Path, number: signal.Signals) -> None:
    for last in (signal.SIGKILL, number):  # whoever comes next sweeps up after the one that was killed
        with unreel_serve(shop, cache=tmp_path, ended_by=last) as (address, process):
            send_video(address.rstrip("/"), shop)
            kept = left(tmp_path)
            assert len(kept) == 2
        assert process.returncode in (-last, 128 + last)
        assert left(tmp_path) == (kept if last == signal.SIGKILL else [])
        patience = time.monotonic() + 20
        while states_of_session(process.pid):
            assert time.monotonic() < patience, "processes live on"
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(sys.platform != "linux", reason="limits of open files are set as Linux has them")
@pytest.mark.parametrize(
    "sent", [b"", HALF, HALF + b"\r\n", WHOLE, BODY], ids=["nothing", "half", "more", "idle", "body"]
)
def test_a_thousand_that_say_half_stop_nobody_and_fill_no_log(shop: Shop, sent: bytes) -> None:
    with ExitStack() as stack, unreel_serve(shop, files=1024) as (address, _):
        assert httpx.get(f"{address}help").status_code == 200
        where = re.fullmatch(r"http://(.+):(\d+)/", address)
        assert where
        for _ in range(1100):
            connection = stack.enter_context(socket.create_connection((where[1], int(where[2])), timeout=30))
            connection.sendall(sent)
        for _ in range(3):
            begun = time.monotonic()
            assert httpx.get(f"{address}help").status_code == 200
            assert time.monotonic() - begun < 5  # where one has to wait for them, it is until they are given up
            time.sleep(2)


@pytest.mark.skipif(sys.platform != "linux", reason="not every system has all of 127.0.0.0/8")
def test_where_others_can_ask_the_address_has_a_token(shop: Shop) -> None:
    with unreel_serve(shop, "--host", "0.0.0.0") as (address, _):
        place, token = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([\w-]{32})", address).groups()  # type: ignore[union-attr]
        own = f"http://127.0.0.1:{place}"
        assert httpx.get(own).status_code == 401
        assert httpx.get(own, params={"token": token}, follow_redirects=True).status_code in (200, 401)
        assert httpx.get(own, headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"tables": ()}, SettingsError, r"no table was named\. Make one with `unreel embed RUN FOLDER --out TABLE`"),
        ({"token": "short"}, SettingsError, r"the token has 5 letters, expected at least 12: others could guess it"),
        ({"tables": ("nothing.lance",)}, CollectionError, r"there is no table of embeddings at nothing\.lance"),
        (
            {"weights": (Path("nowhere"),)},
            CheckpointError,
            r"nowhere is not there: name a run folder or a weights file",
        ),
        ({"host": "192.0.2.1"}, SettingsError, r"cannot listen at 192\.0\.2\.1, port 8000: .*Name another --host or"),
    ],
)
def test_mistakes(
    shop: Shop, changes: dict[str, object], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(shop.cache))
    settings = ServeSettings.model_validate({"tables": tuple(map(str, shop.tables))} | changes)
    with pytest.raises(error, match=message):
        run(settings)


def test_labels_that_are_no_table_are_told_at_the_start(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("my,notes\n")
    with pytest.raises(CollectionError, match="expected a header with a column of paths"):
        run(ServeSettings(tables=tuple(map(str, shop.tables)), labels=tmp_path / "labels.csv"))


def test_an_extra_that_is_not_installed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"no package 'fastapi'.*pip install 'unreel\[web\]'"):
        run(ServeSettings(tables=tuple(map(str, shop.tables))))


def test_options_reach_the_site(shop: Shop, tmp_path: Path) -> None:
    settings = ServeSettings(
        tables=("a",), labels=tmp_path / "l.csv", weights=(shop.run,), links=(tmp_path,), upload_megabytes=7
    )
    options = site_options(settings)
    assert (options.tables, options.labels, options.weights) == (("a",), tmp_path / "l.csv", (shop.run,))
    assert (options.linked, options.largest_upload) == ((tmp_path,), 7_000_000)
