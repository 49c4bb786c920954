"""Embedding is killed without warning, again and again: the table is the same in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import Clip
from tables import TINY, contents, tiny_weights

from unreel.video.options import PrepareOptions
from unreel.video.prepare import prepare

KILLS = 4


def embed(folder: Path, place: str) -> "subprocess.Popen[str]":
    """`unreel embed` that writes after every video, in a session of its own."""
    before = "import unreel.search.update as update; update.ROWS_AT_ONCE = 1"
    program = f"import sys; {before}; from unreel.cli import main; main()"
    words = ["embed", str(folder / "weights.safetensors"), str(folder / "prepared"), "--out", str(folder / place)]
    command = [sys.executable, "-c", program, *words, "--clips", "all"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(24):
        Clip(frames=60 + 4 * number, width=72, height=56).write(folder / f"videos/{number}.mp4")
    prepare(folder / "videos", folder / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    tiny_weights(folder / "weights.safetensors")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("place", ["table", "table.parquet"])
def test_killed_at_any_moment_it_goes_on_to_the_same_table(folder: Path, place: str) -> None:
    process = embed(folder, f"undisturbed {place}")
    assert process.communicate()[1] == ""
    expected = contents(folder / f"undisturbed {place}")
    chance, kills, rounds = random.Random(0), 0, 0
    while True:
        process = embed(folder, place)
        if kills < KILLS:
            while not _written(folder, place) > rounds and process.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        _, errors = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
        rounds += 1
    assert kills == KILLS
    assert contents(folder / place) == expected


def _written(folder: Path, place: str) -> int:
    """How many pieces of the table there are."""
    if place.endswith(".parquet"):
        return len(list((folder / f"{place}.unfinished").glob("0*.parquet")))
    return len(list((folder / place / "embeddings.lance" / "data").glob("*.lance")))
