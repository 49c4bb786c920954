"""Embedding a collection against the encoder's own speed.

    OMP_NUM_THREADS=1 python benchmarks/embedding.py FOLDER [--recipe hdc] [--videos 24] [--clips 10] [--rounds 5]

On one thread, alternating: `embed` as it is (prepared files on disk in, a table out), the encoder on clips that lie in
memory as they are decoded, and the encoder alone on views that lie in memory, in batches of the same size. Prints clips
per second of each, by the clock and by CPU time (which other programs disturb less), and the medians of the
rounds' ratios, as JSON and as a table. Run on an otherwise idle machine.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import torch

from unreel import models, recipes
from unreel.augment import CENTRE_SHARE, apply_views, centre_draws
from unreel.checkpoint import LoadedEncoder, load_encoder
from unreel.checkpoint.weights import PREFIX, WeightsHeader, save_weights
from unreel.engine.cpus import cores
from unreel.errors import UnreelError
from unreel.search.embedding import ClipEncoder
from unreel.search.metadata import TableFacts
from unreel.search.update import source_of, update
from unreel.search.windows import WindowDataset
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings
from unreel.training.run import versions
from unreel.video.clips.datasets import Sample
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared


@dataclass
class Speeds:
    """Clips per second of every round, by the clock and by CPU time."""

    clock: list[float] = field(default_factory=list)
    CPU: list[float] = field(default_factory=list)

    def lap(self, clips: int, work: Callable[[], object]) -> None:
        """One round."""
        started = perf_counter(), process_time()
        work()
        self.clock.append(clips / (perf_counter() - started[0]))
        self.CPU.append(clips / (process_time() - started[1]))


def encoder_of(recipe: str, folder: Path) -> LoadedEncoder:
    """The untrained encoder of a recipe."""
    changes = recipes.changes(recipe)
    settings = HDCSettings.model_validate({**changes, "folder": folder, "out": folder}).encoder_settings
    torch.manual_seed(0)
    state = {f"{PREFIX}{name}": each for name, each in models.build_from(settings).state_dict().items()}
    save_weights(folder / "weights.safetensors", state, WeightsHeader(settings, recipe, 0), step=0)
    return load_encoder(folder / "weights.safetensors")


def facts_of(encoder: LoadedEncoder, manifest: Manifest, clips: int) -> TableFacts:
    """How the table of a round is made."""
    facts = TableFacts(
        encoder=encoder.name,
        checkpoint=encoder.checkpoint,
        weights="",
        settings=encoder.settings,
        level=5,
        clips=clips,
        width=encoder.encoder.channels[5],
        side=manifest.side,
    )
    return facts.with_source(source_of(manifest), manifest.root)


def views_of(sample: Sample, settings: EncoderSettings) -> torch.Tensor:
    """What the encoder is shown of a sample."""
    luma, chroma = torch.from_numpy(sample.luma), torch.from_numpy(sample.chroma)
    to_rgb = torch.from_numpy(sample.to_rgb).expand(len(luma), -1, -1)
    return apply_views(luma, chroma, to_rgb, centre_draws(len(luma), CENTRE_SHARE), settings.size)


def measure(encoder: LoadedEncoder, manifest: Manifest, options: argparse.Namespace, folder: Path) -> dict[str, Speeds]:
    """Several rounds of each, alternately, so that a drift of the machine meets all alike."""
    facts = facts_of(encoder, manifest, options.clips)
    dataset = WindowDataset(manifest, manifest.usable, encoder.settings.clip_length, options.clips)
    samples = [dataset[piece] for row in range(len(dataset)) for piece in dataset.pieces(row)]
    held = [sample for sample in samples if isinstance(sample, Sample)]
    clips, views = sum(len(sample.luma) for sample in held), views_of(held[0], encoder.settings)
    clip_encoder = ClipEncoder(encoder, 5)

    def encode_views() -> None:
        with torch.inference_mode():
            for _ in held:
                encoder.encoder(views)[5].mean(dim=(2, 3, 4))

    speeds = {what: Speeds() for what in ("embed", "from decoded clips", "from views")}
    for number in range(options.rounds + 1):
        if number == 1:  # the first round has warmed up
            speeds = {what: Speeds() for what in speeds}
        place = folder / f"table-{number}"
        speeds["embed"].lap(clips, partial(update, place, encoder, manifest, facts))
        speeds["from decoded clips"].lap(clips, lambda: [clip_encoder.vectors(sample) for sample in held])
        speeds["from views"].lap(len(held) * len(views), encode_views)
    return speeds


def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        encoder = encoder_of(options.recipe, Path(name))
        whole = prepared(options.folder, PrepareOptions(encoder.settings.prepared_side))
        every = max(1, len(whole.usable) // options.videos)
        some = whole.usable[::every][: options.videos]
        manifest = Manifest(whole.root, some, whole.source, whole.side)
        speeds = measure(encoder, manifest, options, Path(name))
    embed = speeds["embed"]
    figures: dict[str, object] = {"videos": len(some), "cores": cores()}
    rows = []
    for what, each in speeds.items():
        shares = [one / other for one, other in zip(embed.clock, each.clock, strict=True)]
        by_processor = [one / other for one, other in zip(embed.CPU, each.CPU, strict=True)]
        figures[what] = {
            "clips per second": median(each.clock),
            "embed's share": median(shares),
            "embed's share, CPU time": median(by_processor),
            "of each round": [round(share, 3) for share in by_processor],
        }
        rows.append((what, f"{median(each.clock):.1f}", f"{median(shares):.2f}", f"{median(by_processor):.2f}"))
    facts = {"encoder": encoder.settings.model_dump(), **versions()}
    print(json.dumps({**vars(options), **figures, **facts}, indent=1, default=str))
    print(f"\n| {options.recipe} | clips/s | embed's share | by CPU time |\n|---|---:|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="hdc")
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    try:
        main(parser.parse_args())
    except UnreelError as error:
        sys.exit(str(error))
