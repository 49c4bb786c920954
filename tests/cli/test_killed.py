"""Every verb that writes is killed, asked to end and without room, from its first system call to its last."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from clips import Clip
from killing import Ended, Killer, files_in, leftovers
from served import serve_ucf101
from tables import TINY, tiny_weights
from web import Web

from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process is about to change")

SMALL = "--encoder r3d18 --width 0.0625 --size 28 --clip-length 8 --batch-size 3 --steps 2 --checkpoint-every 1"
TRAINING = f"{SMALL} --accelerator cpu --devices 1 --loader-workers 0 --log-every 1"
VERBS = {
    "synth": "synth out --videos 2 --side 32 --frames 4 --workers 1",
    "fetch": "fetch ucf101 out --unverified --from {web}/m",
    "pretrain": f"pretrain {{given}}/prepared --out out --recipe hdc --knn-every 0 {TRAINING}",
    "finetune": f"finetune {{given}}/prepared --out out --test-groups g1 --group-pattern (g[0-9])_ {TRAINING}",
    "evaluate": "evaluate retrieval {given}/weights.safetensors {given}/prepared --out out --clips 1",
    "curate": "curate {given}/table.lance --out out.csv --keep 3 --links links",
    "duplicates": "duplicates {given}/table.lance --out out.csv",
    "dedupe": "dedupe {given}/prepared --out out.csv --to kept --links copy",
    "export": "export {given}/table.lance --to tensorboard --out out",
    "export, file": "export {given}/table.lance --to atlas --out out.parquet",
    "export, table": "export {given}/table.lance --out out.parquet",
    "report": "report {given}/run --out out.html --evaluation {given}/run --folder {given}/prepared --split-files",
    "figure": "figure classes {given}/run/retrieval.json --out out.pdf",
}
TIMED = ("log.txt", "versions.json", "metrics.csv", "tensorboard", "settings.yaml", "full")
"""What tells when or where it was made."""


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as killer:
        yield killer


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, killer: Killer) -> Iterator[dict[str, list[str]]]:
    """Every verb with what it needs."""
    given = tmp_path_factory.mktemp("given")
    for label in ("bend", "jump"):
        for number in range(4):
            Clip(width=48, height=40, frames=20 + number).write(given / "in" / label / f"g{number // 3}_{number}.mp4")
    prepare(given / "in", given / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    tiny_weights(given / "weights.safetensors")
    with pytest.MonkeyPatch.context() as patch, Web() as web:
        patch.setenv("NO_PROXY", "127.0.0.1")
        serve_ucf101(web, (given / "in" / "bend" / "g0_0.mp4").read_bytes(), given)
        every = {
            verb: [word.format(given=given, web=web.address) for word in line.split(" ")]
            for verb, line in VERBS.items()
        }
        embed = "embed {given}/weights.safetensors {given}/prepared --out table.lance --clips 1 --loader-workers 0"
        assert killer.run(embed.format(given=given).split(" "), given).code == 0  # killed in tests/search
        for verb, place in (("pretrain", "run"), ("evaluate", "run")):
            line = [place if word.startswith("out") else word for word in every[verb]]
            assert killer.run(line, given).code == 0
        yield every


Undisturbed = Callable[[str], tuple[Ended, dict[str, str]]]


@pytest.fixture(scope="module")
def undisturbed(words: dict[str, list[str]], killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A verb, not killed: how it ended and what it made."""

    @cache
    def run(verb: str) -> tuple[Ended, dict[str, str]]:
        folder = tmp_path_factory.mktemp("undisturbed")
        ended = killer.run(words[verb], folder)
        assert (ended.code, ended.errors) == (0, ""), verb
        assert leftovers(folder) == []
        return ended, files_in(folder, *TIMED)

    return run


def goes_on(killer: Killer, line: list[str], folder: Path, expected: dict[str, str]) -> None:
    """The same command again makes the same, or has made it already."""
    ended = killer.run(line, folder)
    assert ended.code == 0 or "exists already and nothing is overwritten" in ended.errors, ended
    assert files_in(folder, *TIMED) == expected
    assert leftovers(folder) == []


def moments(number: int, of: int) -> list[int]:
    """So many moments of a life, from the first to the last."""
    return sorted(
        {1 + round((each + 0.5) * (of - 1) / number) for each in range(number)} | {1, of} if number > 1 else {of // 2}
    )


FEW = {"synth": 3, "pretrain": 1}
"""Of these verbs so many moments are tried each time; of all of them thirty, when there is time."""
SWEEPS = [pytest.param(verb, number, id=verb) for verb, number in FEW.items()] + [
    pytest.param(verb, 30, id=f"{verb}, 30 moments", marks=[pytest.mark.slow, pytest.mark.alone]) for verb in VERBS
]


@pytest.mark.parametrize(("verb", "number"), SWEEPS)
def test_killed_at_any_moment_it_goes_on_to_the_same(
    verb: str,
    number: int,
    words: dict[str, list[str]],
    killer: Killer,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    whole, expected = undisturbed(verb)
    assert whole.moments > 3
    for at in moments(number, whole.moments):
        (folder := tmp_path / str(at)).mkdir()
        assert killer.run(words[verb], folder, at=at).code == -signal.SIGKILL
        goes_on(killer, words[verb], folder, expected)


@pytest.mark.parametrize(("verb", "number"), SWEEPS)
def test_asked_to_end_it_says_so_in_a_line_and_puts_all_in_order(
    verb: str,
    number: int,
    words: dict[str, list[str]],
    killer: Killer,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    whole, expected = undisturbed(verb)
    for place, at in enumerate(moments(number, whole.moments)):
        by = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)[place % 3]
        (folder := tmp_path / str(at)).mkdir()
        ended = killer.run(words[verb], folder, at=at, by=by)
        ends = {0, 128 + by, 75, 130} if verb in ("pretrain", "finetune") else {128 + by}
        assert ended.code in ends, ended
        told = rf"unreel: (interrupted|ended by {by.name}|stopped by {by.name} after step \d of 2; .*)\n"
        assert re.fullmatch(told, ended.errors) or (ended.code, ended.errors) == (0, "")
        kept = ".part", ".unpacking"  # what has come so far
        assert [name for name in leftovers(folder) if not name.endswith(kept)] == []
        goes_on(killer, words[verb], folder, expected)


@pytest.mark.parametrize(("verb", "number"), SWEEPS)
def test_a_full_disk_is_told_in_a_line(
    verb: str,
    number: int,
    words: dict[str, list[str]],
    killer: Killer,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    _, expected = undisturbed(verb)
    for size in [3000, 0, 100, 9000, 20_000, 50_000][:number]:
        (folder := tmp_path / str(size)).mkdir()
        ended = killer.run(words[verb], folder, bytes=size)
        if ended.code or not size:
            assert ended.code == 2, ended
            assert re.fullmatch(
                r"unreel: [^\n]*(cannot be written|cannot be unpacked)[^\n]*[Ff]ile too large[^\n]*\n", ended.errors
            )
        goes_on(killer, words[verb], folder, expected)


@pytest.mark.skipif(os.geteuid() != 0 if hasattr(os, "geteuid") else True, reason="only root mounts a disk")
@pytest.mark.parametrize(
    "verb", [each if each in FEW else pytest.param(each, marks=pytest.mark.slow) for each in VERBS]
)
def test_a_disk_that_is_full_from_the_first_byte_is_told(
    verb: str, words: dict[str, list[str]], killer: Killer, tmp_path: Path
) -> None:
    ended = killer.run(words[verb], tmp_path, free=0)
    if "no disk of one's own" in ended.errors:
        pytest.skip("no disk can be mounted here")
    assert ended.code == 2, ended
    assert re.fullmatch(r"unreel: [^\n]*(cannot be written|needs|unpacks to)[^\n]*\n", ended.errors), ended
