"""What `unreel plan` prints: what a step takes on any number of GPUs, what it needs, what the whole costs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from unreel.console import Table, say, show
from unreel.planning.communication import BYTES_OF_FLOAT
from unreel.planning.costs import HOUR, Cost, StepCost, run_size, updates
from unreel.planning.model import CLIPS_READ, Machine, StepWork
from unreel.settings.hdc import HDCSettings

if TYPE_CHECKING:
    from unreel.cli.plan import PlanSettings
    from unreel.planning.rates import Files, Rate

DAY, YEAR = 24 * HOUR, 365 * 24 * HOUR
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True)
class Planned:
    """A plan: what was asked, what it was reckoned from, and what came of it.

    `scales` has a step for every possible number of GPUs, `skipped` the other numbers, `costs` a pretraining for every
    collection of `videos` that fills the batch of a scale.
    """

    settings: HDCSettings
    asked: "PlanSettings"
    work: StepWork
    machine: Machine
    files: "Files"
    sources: "dict[str, Rate]"
    scales: Sequence[StepCost]
    skipped: Sequence[int]
    videos: Sequence[int]
    costs: Sequence[Cost]


def tell(plan: Planned) -> None:
    """Print it for people."""
    say(*assumptions(plan))
    for table in (_steps(plan), _needs(plan), _collections(plan), _costs(plan)):
        say("")
        show(table)
    say("", *notes(plan))


def content(plan: Planned) -> dict[str, Any]:
    """All of it in numbers: seconds, bytes, and bytes per second."""
    return {
        "recipe": plan.settings.recipe,
        "epochs": plan.asked.epochs,
        "precision": plan.settings.precision,
        "assumptions": assumptions(plan),
        "notes": notes(plan),
        "rates": {name: asdict(rate) for name, rate in plan.sources.items()},
        "work": asdict(plan.work),
        "machine": asdict(plan.machine),
        "video": asdict(plan.files),
        "run_bytes": run_size(plan.work.weights, plan.asked.keep),
        "collections": [_collection(plan, videos) for videos in plan.videos],
        "steps": [_step_in_numbers(plan, at) for at in plan.scales],
        "gpus_not_possible": list(plan.skipped),
        "costs": [_cost_in_numbers(each) for each in plan.costs],
    }


def _step_in_numbers(plan: Planned, at: StepCost) -> dict[str, Any]:
    return {
        "gpus": at.batch.processes,
        "batch_size": at.batch.size,
        "batch_per_gpu": at.batch.own,
        "seconds": at.step.seconds,
        **asdict(at.step),
        "cores_per_gpu_needed": at.cores,
        "storage_needed": at.storage,
        "network_bytes_per_step": at.sent,
        "network_needed": at.network,
        "similarity_bytes": similarity_size(at, plan.settings.chunk_size),
    }


def _cost_in_numbers(each: Cost) -> dict[str, Any]:
    return {
        "videos": each.videos,
        "gpus": each.processes,
        "updates": each.updates,
        "seconds": each.seconds,
        "gpu_hours": each.hours,
        "price": each.price,
    }


def assumptions(plan: Planned) -> list[str]:
    """Where every number comes from."""
    asked, work, rates = plan.asked, plan.work, plan.sources
    learning, reading = rates["learning"], rates["reading"]
    encoder = plan.settings.encoder_settings
    return [
        f"Recipe {plan.settings.recipe}: {encoder.name}, {encoder.clip_length} frames of {encoder.size}², "
        f"{work.views} views of a video, {work.weights / 1e6:.1f} million weights, {work.operations / 1e9:.3g} billion "
        "operations to learn from a clip (counted: convolutions and products of matrices).",
        f"A GPU learns from {_plain(learning.per_second)} clips/s ({learning.source}), in {plan.settings.precision}.",
        f"A core reads {_plain(reading.per_second)} clips/s ({reading.source}).",
        f"A prepared video: {plan.files.seconds:.3g} s, {size(plan.files.size)} ({plan.files.source}); every "
        "epoch reads all of it from the storage.",
        f"Assumed, each an option: {asked.machine_gigabits:g} Gbit/s between GPUs of a machine "
        f"({asked.gpus_per_machine} GPUs), {asked.network_gigabits:g} Gbit/s for each between machines, "
        f"{asked.latency:g} µs per hop; computing varies by {asked.jitter:.1%}; gradients are added up behind "
        f"{asked.overlap:.0%} of the backward pass; a step costs {asked.step_milliseconds:g} ms however small.",
        "Decoding: "
        + (f"{asked.cores_per_gpu:g} cores for each GPU" if asked.cores_per_gpu else "as many cores as it needs")
        + "; storage: "
        + (f"{asked.storage_gigabytes:g} GB/s for all." if asked.storage_gigabytes else "as fast as it needs to be."),
    ]


def notes(plan: Planned) -> list[str]:
    """What to know about the numbers above."""
    asked = plan.asked
    lines = [
        "Not in it: preparing the videos, k-NN evaluations, starting, failures and queues; nor whether a GPU's memory "
        "holds its videos (unreel pretrain --accumulate makes room, and costs a third more computing)."
    ]
    if plan.sources["learning"].source.startswith("assumed"):
        lines.append(
            "A share of a peak is the weakest number here: all times follow it. Run --measure for a minute on one such "
            "GPU and give what it says as --clips-per-second."
        )
    if plan.skipped:
        numbers = ", ".join(f"{count:,}" for count in plan.skipped)
        lines.append(
            f"Not possible on {numbers} GPUs: a batch of {plan.settings.batch_size} videos cannot be shared equally by "
            "so many. Choose a larger --batch-size, or --batch-per-gpu."
        )
    changed = [at.batch for at in plan.scales if at.batch.size != at.batch.asked]
    if changed:
        shared = ", ".join(f"{batch.size:,} on {batch.processes:,} GPUs" for batch in changed)
        lines.append(f"The nearest batch that can be shared equally was taken: {shared}.")
    if asked.batch_per_gpu is not None:
        lines.append(
            f"The batch grows with the GPUs ({asked.batch_per_gpu} videos each): there are fewer updates and more "
            "negatives, which is another training. Learning rate, warm-up and perhaps epochs must be found anew; the "
            "paper's are for 128."
        )
    elif plan.settings.batch_size > 128:
        lines.append(
            f"A batch of {plan.settings.batch_size:,} is not the paper's 128: its learning rate must be found."
        )
    return lines


def similarity_size(at: StepCost, chunk: int | None) -> int:
    """Bytes of similarities that one GPU holds at a time, each once: all of them, or one chunk of one position."""
    if chunk is None:
        return at.similarities
    return min(chunk, at.batch.own) * at.batch.size * BYTES_OF_FLOAT


def size(count: float | int) -> str:
    """Bytes in words, to three digits: 290 KB, 1.5 GB."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}"


def _plain(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def duration(seconds: float | int) -> str:
    """Time in one unit, to three digits, as sizes are: 40 s, 12 min, 3.4 h, 27 days, 2.1 years."""
    units = (("years", YEAR, YEAR), ("days", DAY, 2 * DAY), ("h", HOUR, HOUR), ("min", 60.0, 60.0), ("s", 1.0, 0.0))
    name, unit = next((name, unit) for name, unit, least in units if seconds >= least)
    return f"{seconds / unit:,.3g} {name}"


def _steps(plan: Planned) -> Table:
    names = ("GPUs", "videos per GPU", "ms per step", "computing", "communicating", "stragglers", "waiting", "limit")
    table = Table("A step: where its milliseconds go", (*names, "efficiency"), left=("limit",))
    alone = _rate(plan.scales[0])
    for at in plan.scales:
        step, own = at.step, at.batch.own
        parts = (step.seconds, step.compute, step.communication, step.straggling, step.waiting)
        figures = [f"{1000 * each:,.1f}" for each in parts]
        table.add(f"{at.batch.processes:,}", f"{own:,}", *figures, step.limit, f"{_rate(at) / alone:.0%}")
    return table


def _rate(at: StepCost) -> float:
    """Videos per second of one GPU."""
    return at.batch.own / at.step.seconds


def _needs(plan: Planned) -> Table:
    names = (
        "GPUs",
        "batch",
        "cores per GPU",
        "from storage",
        "sent per GPU and step",
        "network per GPU",
        "similarities",
    )
    table = Table("What a step needs, not to wait", names)
    for at in plan.scales:
        held = similarity_size(at, plan.settings.chunk_size)
        rates = (f"{size(at.storage)}/s", size(at.sent), f"{8 * at.network / 1e9:.3g} Gbit/s", size(held))
        table.add(f"{at.batch.processes:,}", f"{at.batch.size:,}", f"{at.cores:.1f}", *rates)
    return table


def _collections(plan: Planned) -> Table:
    names = ("videos", "of length", "prepared", "clips decoded", "clips learnt", "updates", "run folder")
    table = Table(f"The collections, {plan.asked.epochs} epochs", names)
    for videos in plan.videos:
        it = _collection(plan, videos)
        counts = [
            f"{it[name]:.3g}" if it[name] >= 1e9 else f"{it[name]:,}" for name in ("clips_decoded", "clips_learnt")
        ]
        steps = sorted({each.updates for each in plan.costs if each.videos == videos})
        table.add(
            f"{videos:,}",
            duration(it["seconds"]),
            size(it["bytes"]),
            *counts,
            " – ".join(f"{each:,}" for each in sorted({*steps[:1], *steps[-1:]})) or "–",
            size(run_size(plan.work.weights, plan.asked.keep)),
        )
    return table


def _collection(plan: Planned, videos: int) -> dict[str, Any]:
    seen = updates(videos, plan.scales[0].batch.size, plan.asked.epochs) * plan.scales[0].batch.size
    return {
        "videos": videos,
        "seconds": videos * plan.files.seconds,
        "bytes": videos * plan.files.size,
        "clips_decoded": CLIPS_READ * seen,
        "clips_learnt": plan.work.views * seen,
    }


def _costs(plan: Planned) -> Table:
    priced = plan.asked.price_per_gpu_hour is not None
    names = ("videos", "GPUs", "updates", "wall time", "GPU-hours", *(("price",) if priced else ()))
    table = Table("The whole", names)
    for each in plan.costs:
        price = () if each.price is None else (f"{each.price:,.0f}",)
        row = (f"{each.videos:,}", f"{each.processes:,}", f"{each.updates:,}", duration(each.seconds))
        table.add(*row, _plain(each.hours), *price)
    return table
