"""Search in a table of synthetic vectors: how fast, how well by its index, in how much memory.

    python benchmarks/search.py [--rows 100000] [--width 512] [--vectors alike|random] [--index always|none]
        [--queries 500] [--table FOLDER | --existing TABLE]

The rows are clips, ten of each video, and the video's own. "alike": clips of a video are near each other, and videos
lie near a space of 32 dimensions, somewhat as encoders put them; "random": independent normal numbers, without any
structure that an index could use. The queries are other clips of these videos. Writing, indexing and searching are
done by processes of their own, so that the peak memory of each is known. Prints JSON and a table. Run on an otherwise
idle machine.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np
from jaxtyping import Float32

from unreel.rng import generator
from unreel.search.index import bring_up_to_date
from unreel.search.lance import claimed
from unreel.search.metadata import TableFacts
from unreel.search.rows import EmbeddingRow, table_of
from unreel.search.table import EmbeddingTable, Hit
from unreel.settings.encoder import EncoderSettings
from unreel.training.run import versions

CLIPS, DIMENSIONS, VIDEOS_AT_ONCE, NEAREST, TOP = 10, 32, 2000, 10, 20
CONDITION = "label = 'label 3'"  # a tenth of the rows
PHASES = "write", "index", "search"


def vectors_of(options: argparse.Namespace, videos: range, per_video: int, purpose: str) -> Float32[np.ndarray, "n c"]:
    """So many vectors of each video; the same for the same purpose, whatever else is drawn."""
    chance = generator(0, purpose, videos.start)
    count = len(videos) * per_video
    if options.vectors == "random":
        return chance.standard_normal((count, options.width), np.float32)
    space = generator(0, "space").standard_normal((DIMENSIONS, options.width), np.float32)
    middle = 3 * generator(0, "middle").standard_normal(options.width, np.float32)
    places = np.stack([generator(0, "video", video).standard_normal(DIMENSIONS, np.float32) for video in videos])
    places = np.repeat(places, per_video, axis=0) + 0.3 * chance.standard_normal((count, DIMENSIONS), np.float32)
    noise = 0.3 * chance.standard_normal((count, options.width), np.float32)
    return np.asarray(np.maximum(middle + places @ space + noise, 0), np.float32)


def rows_of(videos: range) -> list[EmbeddingRow]:
    """The rows of these videos: clips of half a second, then the video."""
    rows = []
    for video in videos:
        name, label = f"label {video % 10}/{video:07}.mp4", f"label {video % 10}"
        spans = [(clip / 2, clip / 2 + 0.5) for clip in range(CLIPS)] + [(0.0, CLIPS / 2)]
        for number, (start, end) in enumerate(spans):
            kind: Any = "clip" if number < CLIPS else "video"
            facts = {"class": label}, 1, f"{video:064x}", "synthetic", "none", "5"
            rows.append(EmbeddingRow(name, kind, f"/videos/{name}", "/videos", start, end, label, *facts))
    return rows


def write(options: argparse.Namespace) -> dict[str, Any]:
    """Write the table."""
    videos = options.rows // (CLIPS + 1)
    settings = EncoderSettings()
    facts = TableFacts("synthetic", "none", "", settings, level=5, clips=CLIPS, width=options.width, side=128)
    started = perf_counter()
    with claimed(options.table) as writer:
        writer.begin(facts)
        for first in range(0, videos, VIDEOS_AT_ONCE):
            some = range(first, min(first + VIDEOS_AT_ONCE, videos))
            clips = vectors_of(options, some, CLIPS, "clips").reshape(len(some), CLIPS, -1)
            both = np.concatenate([clips, clips.mean(axis=1, keepdims=True)], axis=1)
            writer.append(table_of(rows_of(some), both.reshape(-1, options.width)))
        writer.finish()
    return {"seconds": perf_counter() - started}


def index(options: argparse.Namespace) -> dict[str, Any]:
    """Index it and measure the recall, as `unreel embed` does."""
    started = perf_counter()
    made = bring_up_to_date(options.table, options.index, changed=True)
    return {"seconds": perf_counter() - started, "index": None if made is None else vars(made)}


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Search it by other clips of its videos, by the index and exactly."""
    queries = list(queries_of(options))
    started = perf_counter()
    table = EmbeddingTable.open(options.table)
    table.search(queries[0], TOP)
    figures: dict[str, Any] = {"seconds to open and search once": perf_counter() - started}
    figures |= {"rows": table.count(), "width": table.facts.width}
    by_index = list(timed(figures, "", queries, lambda query: table.search(query, TOP)))
    list(timed(figures, " under a condition", queries, lambda query: table.search(query, TOP, where=CONDITION)))
    figures["MiB, by index"] = peak()
    few = queries[: options.exact_queries]
    exact = list(timed(figures, ", exact", few, lambda query: table.search(query, TOP, exact=True)))
    found = [{(hit.row.id, hit.row.start) for hit in hits[:NEAREST]} for hits in by_index]
    right = [{(hit.row.id, hit.row.start) for hit in hits[:NEAREST]} for hits in exact]
    figures["recall@10"] = mean(len(one & other) / NEAREST for one, other in zip(found, right, strict=False))
    return figures


def queries_of(options: argparse.Namespace) -> Iterator[np.ndarray]:
    """Other clips of the table's videos; of a table of real ones, clips that it holds."""
    if options.existing:
        clips = EmbeddingTable.open(options.table).vectors("clip").vectors
        yield from clips[generator(0, "queries").choice(len(clips), options.queries)]
        return
    for video in generator(0, "queries").choice(options.rows // (CLIPS + 1), options.queries).tolist():
        yield vectors_of(options, range(video, video + 1), 1, "queries")[0]


def timed(
    figures: dict[str, Any], what: str, queries: list[np.ndarray], work: Callable[[np.ndarray], list[Hit]]
) -> Iterator[list[Hit]]:
    """What each query finds; notes the milliseconds that half and 99 % of the queries take at the most."""
    work(queries[0])
    laps = []
    for query in queries:
        started = perf_counter()
        yield work(query)
        laps.append(1000 * (perf_counter() - started))
    figures[f"p50{what}"], figures[f"p99{what}"] = np.quantile(laps, [0.5, 0.99]).tolist()


def peak() -> float:
    """The most memory that this process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_process(phase: str, options: argparse.Namespace) -> dict[str, Any]:
    """A phase in a process of its own."""
    given = {name: value for name, value in vars(options).items() if name != "phase" and value is not None}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    done = subprocess.run(
        [sys.executable, __file__, f"--phase={phase}", *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(options: argparse.Namespace) -> None:
    """All phases, or the one that this process is for."""
    if options.phase:
        work = {"write": write, "index": index, "search": search}[options.phase]
        print(json.dumps({**work(options), "MiB": peak()}))
        return
    with tempfile.TemporaryDirectory() as name:
        options.table = options.existing or options.table or Path(name, "table")
        phases = PHASES[2:] if options.existing else PHASES
        figures = {phase: in_process(phase, options) for phase in phases}
    print(json.dumps({**vars(options), **figures, **versions()}, indent=1, default=str))
    found, made = figures["search"], figures.get("index", {}).get("index") or {}
    print(
        "\n| rows × width, vectors | index | recall@10 | p50, p99 ms | condition | exact | MiB: write, index, search |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    laps = [f"{found[f'p50{what}']:.1f}, {found[f'p99{what}']:.1f}" for what in ("", " under a condition", ", exact")]
    memory = ", ".join(f"{each:.0f}" for each in (*(figures[p]["MiB"] for p in phases[:-1]), found["MiB, by index"]))
    kind = f"{made['kind']}, {made['probes']} probes" if made else "none"
    vectors = "real" if options.existing else options.vectors
    cells = [f"{found['rows']:,} × {found['width']}, {vectors}", kind, f"{found['recall@10']:.3f}"]
    print("| " + " | ".join([*cells, *laps, memory]) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--vectors", choices=["alike", "random"], default="alike")
    parser.add_argument("--index", choices=["always", "none"], default="always")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--exact-queries", type=int, default=100)
    parser.add_argument("--table", type=Path, help="where to make the table, and leave it")
    parser.add_argument("--existing", type=Path, help="search this table of `unreel embed` instead, by its own clips")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    main(parser.parse_args())
