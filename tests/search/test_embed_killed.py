"""Embedding is killed without warning, or its disk is full, at any moment: the table is the same in the end."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clips import Clip
from tables import TINY, contents, tiny_weights

from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

PROGRAM = Path(__file__).parents[1] / "support" / "embedding_processes.py"
KILLS, FEW_KILLS = 30, 2

SEEN = ["", "embed.lock", "facts.lance", "facts.lance/_versions", "embeddings.lance", "embeddings.lance/_versions"]
SEEN += ["embeddings.lance/data", "checksums.json.unfinished"]
"""What is there at a moment at which to kill: behind the table's own name."""

Embed = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(3):
        Clip(frames=20 + 8 * number, width=72, height=56).write(folder / f"videos/{number}.mp4")
    prepare(folder / "videos", folder / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    tiny_weights(folder / "weights.safetensors")
    return folder


@pytest.fixture(scope="module")
def embed(folder: Path) -> Iterator[Embed]:
    with embedding(folder, "--clips", "2") as embed:
        yield embed


@pytest.fixture(scope="module")
def embed_windows(folder: Path) -> Iterator[Embed]:
    with embedding(folder, "--every", "0.1") as embed:
        yield embed


@contextmanager
def embedding(folder: Path, *options: str) -> Iterator[Embed]:
    """Run `unreel embed`, written to after every video, into a place; killed or limited as the keywords say."""
    words = [str(folder / "weights.safetensors"), str(folder / "prepared"), *options, "--loader-workers", "0"]
    command = [sys.executable, "-W", "ignore::RuntimeWarning", str(PROGRAM), *words]  # LanceDB's, of forks
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == "ready"

        def embed(place: Path, **asked: object) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps({"place": str(place), **asked}), file=process.stdin, flush=True)
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        yield embed
        process.stdin.close()


@pytest.mark.parametrize("kills", [FEW_KILLS, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on_to_the_same_table(embed: Embed, kills: int, tmp_path: Path) -> None:
    undisturbed = embed(tmp_path / "undisturbed")
    assert undisturbed["code"] == 0
    expected, seconds = contents(tmp_path / "undisturbed"), undisturbed["seconds"]
    killed = 0
    for number in range(kills):
        out = tmp_path / str(number) / "table"
        if number % 2:  # from the first system call on
            moment: dict[str, object] = {"after": seconds * number / kills}
        else:
            moment = {"after": number % 3 * 0.002, "seen": str(out / SEEN[number // 2 % len(SEEN)])}
        for _ in range(2):
            killed += embed(out, **moment)["code"] == -9
        again = embed(out)
        assert (again["code"], again["said"].count("\n")) == (0, 2), (moment, again)
        assert contents(out) == expected, moment
        assert not [path for path in out.parent.iterdir() if path.suffix in (".unfinished", ".partial", ".lock")]
    assert killed >= kills


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kills", [FEW_KILLS, pytest.param(KILLS // 3, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on_to_the_same_features(embed_windows: Embed, kills: int, tmp_path: Path) -> None:
    undisturbed = embed_windows(tmp_path / "undisturbed/*.npy")
    assert undisturbed["code"] == 0
    expected = files(tmp_path / "undisturbed")
    assert sorted(expected) == ["0.npy", "1.npy", "2.npy", "features.json"]
    killed = 0
    for number in range(kills):
        out = tmp_path / str(number)
        moment: dict[str, object] = {"after": undisturbed["seconds"] * number / kills}
        if number % 2 == 0:
            moment = {"after": number % 3 * 0.002, "seen": str(out / ["", *expected][number // 2 % 5])}
        for _ in range(2):
            killed += embed_windows(out / "*.npy", **moment)["code"] == -9
        assert embed_windows(out / "*.npy")["code"] == 0, moment
        assert files(out) == expected, moment
    assert killed >= kills


def test_features_on_a_disk_that_is_full_are_told_and_the_same_command_goes_on(
    embed_windows: Embed, tmp_path: Path
) -> None:
    assert embed_windows(tmp_path / "undisturbed/*.npy")["code"] == 0
    for largest in (0, 300, 1200):
        out = tmp_path / str(largest)
        ended = embed_windows(out / "*.npy", largest=largest)
        assert ended["code"] == 2, ended
        assert "cannot be written" in ended["said"]
        assert "Traceback" not in ended["said"]
        assert embed_windows(out / "*.npy")["code"] == 0
        assert files(out) == files(tmp_path / "undisturbed")


def test_a_disk_that_is_full_is_told_and_the_same_command_goes_on(embed: Embed, tmp_path: Path) -> None:
    assert embed(tmp_path / "undisturbed")["code"] == 0
    expected = contents(tmp_path / "undisturbed")
    full = 0
    for largest in (0, 300, 2000, 6000):
        out = tmp_path / str(largest)
        ended = embed(out, largest=largest)
        full += ended["code"] == 2
        assert ended["code"] in (0, 2), ended
        if ended["code"]:
            (line,) = (line for line in ended["said"].splitlines() if line.startswith("unreel: "))
            assert "cannot be written" in line
            assert "Traceback" not in ended["said"]
        again = embed(out)
        assert again["code"] == 0, (largest, again)
        assert contents(out) == expected
    assert full >= 2


@pytest.mark.parametrize(
    "left", [("facts.lance",), ("facts.lance/data", "embeddings.lance/data"), ("embeddings.lance/_versions",)]
)
def test_a_creation_that_came_to_no_version_is_done_again(embed: Embed, left: tuple[str, ...], tmp_path: Path) -> None:
    for name in left:
        (tmp_path / "table" / name).mkdir(parents=True)
    assert embed(tmp_path / "table")["code"] == 0
    assert len(contents(tmp_path / "table")) == 9


def test_rows_without_a_version_are_no_unfinished_creation(embed: Embed, tmp_path: Path) -> None:
    place = tmp_path / "table"
    assert embed(place)["code"] == 0
    (place / "checksums.json").unlink()
    shutil.rmtree(place / "embeddings.lance/_versions")
    before = sorted(place.rglob("*"))
    ended = embed(place)
    assert ended["code"] == 2
    assert "_versions is not as `unreel embed` wrote it" in ended["said"]
    assert sorted(place.rglob("*")) == before


def test_a_folder_with_an_unfinished_table_and_something_else_is_skipped(embed: Embed, tmp_path: Path) -> None:
    (tmp_path / "table/embeddings.lance/data").mkdir(parents=True)
    (tmp_path / "table/notes.txt").write_text("mine")
    ended = embed(tmp_path / "table")
    assert ended["code"] == 2
    assert "holds 'notes.txt' and is no table of embeddings" in ended["said"]
    assert (tmp_path / "table/notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_a_real_disk_that_is_full_from_the_first_byte(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    embed = [sys.executable, "-m", "unreel", "embed", str(folder / "weights.safetensors"), str(folder / "prepared")]
    line = " ".join(f"'{word}'" for word in [*embed, "--out", str(tmp_path / "disk/table")])
    script = (
        f"cd '{tmp_path}' && mount -t tmpfs -o size=1m none disk || exit 77\n"
        f"head -c 2m /dev/zero > disk/filler 2> /dev/null\n"
        f"{line}; echo ended $?\nrm disk/filler\n{line}; echo ended $?\n"
    )
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, timeout=600)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this user can mount nothing")
    assert [each for each in done.stdout.splitlines() if each.startswith("ended")] == ["ended 2", "ended 0"], done
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
