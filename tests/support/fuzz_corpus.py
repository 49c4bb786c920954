"""The worst files that a folder of videos can hold, made on the spot, each with what must become of it.

    python tests/support/fuzz_corpus.py FOLDER [--flips 500]

Every picture of a video shows its number in its upper half and the number of its video in its lower half, so that a
video that takes the place of another is noticed. The good videos come first: most other files are made of them.
"""

import argparse
import json
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from clips import Clip
from fuzz_damage import bombs, boxes, containers, disguised, flipped, pages, patches, playlists, truncated
from fuzz_kinds import codecs, colours, counts, fragments, metadata, orientations, sizes, streams, timing
from fuzz_pieces import H264, Corpus, Expected


def write_corpus(folder: Path, flips: Iterable[int] = ()) -> dict[str, Expected]:
    """Fill a folder; `flips` are the seeds of the files with flipped bits."""
    corpus = Corpus(folder)
    for section in _SECTIONS:
        section(corpus)
    flipped(corpus, flips)
    return corpus.expected


_NAMES = (
    "with space", "line\nbreak", "tab\t", "carriage\rreturn", "'quoted'", '"double"', "🎬", "日本語", "e\u0301 é", "-y",
    "--help", "a:b", "http:", "file:", "concat:a|b", "pipe:0", "-", "%03d", "%s%n", "$(touch pwned)", "`id`", ";|&",
    "back\\slash", "star*?[a-z]", "[red]markup[/red]", "<b>bold</b>", "~", "#hash", "comma,semicolon;",
    "\u202ebackwards", "\ufeffmark", "zero\u200bwidth", "two.dots..", " leading", "trailing ", "x" * 200, "é" * 100,
    "UPPER", "CON", "\x01\x7f",
)  # fmt: skip


def names(corpus: Corpus) -> None:
    """Good videos whose names some program would stumble over, or whose suffix is another's."""
    mp4 = corpus.good("mp4")
    for name in _NAMES:
        corpus.variant(f"names/{name}.mp4", mp4, "ok")
    corpus.variant("names/SUFFIX.MP4", mp4, "ok", "mp4")
    for suffix in ("avi", "mkv", "ts", "mjpeg"):
        corpus.variant(f"names/{suffix} inside.mp4", corpus.good(suffix), "ok", suffix)
        corpus.variant(f"names/mp4 inside.{suffix}", mp4, "ok", "mp4")
    for suffix, clip in {"gif": Clip(codec="gif", format="rgb8"), "h264": H264, "hevc": Clip(codec="libx265")}.items():
        path = corpus.video(f"names/{suffix} inside.{suffix}", clip)
        path.rename(path.with_suffix(".mp4"))
        corpus.expected[f"names/{suffix} inside.mp4"] = corpus.expected.pop(f"names/{suffix} inside.{suffix}")
    Path(os.fsdecode(os.fsencode(corpus.folder) + b"/names/caf\xe9 \xff.mp4")).write_bytes(mp4)
    corpus.expected["names/caf\\xe9 \\xff.mp4"] = corpus.expected["good/mp4.mp4"]


def special_files(corpus: Corpus) -> None:
    """Links, pipes, sockets and folders."""
    good, skipped = corpus.expected["good/mp4.mp4"], Expected("skipped")
    for name, target, expected in (
        ("link.mp4", "../good/mp4.mp4", good),
        ("link of link.mp4", "link.mp4", good),
        ("nowhere.mp4", "nothing", skipped),
        ("itself.mp4", "itself.mp4", skipped),
        ("there.mp4", "and back.mp4", skipped),
        ("and back.mp4", "there.mp4", skipped),
        ("endless.mp4", "/dev/zero", skipped),
        ("null.mp4", "/dev/null", skipped),
    ):
        corpus.path(f"special/{name}").symlink_to(target)
        corpus.expected[f"special/{name}"] = expected
    corpus.path("special/round").symlink_to("..")
    corpus.path("special/twin.mp4").hardlink_to(corpus.folder / "good" / "mp4.mp4")
    corpus.expected["special/twin.mp4"] = good
    os.mkfifo(corpus.path("special/pipe.mp4"))
    with socket.socket(socket.AF_UNIX) as server, TemporaryDirectory() as short:  # its path may have 107 bytes
        server.bind(f"{short}/s")
        Path(short, "s").rename(corpus.path("special/socket.mp4"))
    corpus.expected |= {"special/pipe.mp4": skipped, "special/socket.mp4": skipped}
    corpus.path("special/empty folder.mp4").mkdir()
    corpus.variant("special/folder.mp4/inside.mp4", corpus.good("mp4"), "ok")


_SECTIONS: tuple[Callable[[Corpus], None], ...] = (
    containers, truncated, disguised, playlists, counts, timing, patches, boxes, pages, bombs, orientations, colours,
    sizes, codecs, streams, fragments, metadata, names, special_files,
)  # fmt: skip


def main() -> None:
    """Write the corpus, and what is expected of it to `expected.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flips", type=int, default=0, help="how many files with flipped bits")
    arguments = parser.parse_args()
    expected = write_corpus(arguments.folder, range(arguments.flips))
    facts = {name: asdict(fate) for name, fate in sorted(expected.items())}
    (arguments.folder / "expected.json").write_text(json.dumps(facts, indent=1))
    print(f"{len(expected)} files in {arguments.folder}")


if __name__ == "__main__":
    main()
