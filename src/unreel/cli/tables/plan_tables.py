"""What `unreel plan` prints: what a step takes and needs on any number of GPUs, and what the whole costs."""

from dataclasses import asdict
from typing import Any

from unreel.console import Table, say, show
from unreel.planning.costs import run_size
from unreel.planning.model import STEP_SECONDS
from unreel.planning.plan import Plan
from unreel.text import duration_text, size_text

PAPER_BATCH = 128


def print_plan(plan: Plan) -> None:
    """Print it for people."""
    say(*assumptions(plan), "")
    show(_steps(plan))
    say("")
    show(_costs(plan))
    say("", *notes(plan))


def as_values(plan: Plan) -> dict[str, Any]:
    """All of it in numbers: seconds, bytes, and bytes per second."""
    parts = ("learning", "reading", "files", "work", "steps", "costs")
    return {
        **plan.asked.model_dump(mode="json", include={"recipe", "epochs", "precision"}),
        "assumptions": assumptions(plan),
        "notes": notes(plan),
        "run_bytes": _run_size(plan),
        "gpus_not_possible": _not_possible(plan),
        **{name: part for name, part in asdict(plan).items() if name in parts},
    }


def assumptions(plan: Plan) -> list[str]:
    """Where every number comes from."""
    asked, work, encoder = plan.asked, plan.work, plan.settings.encoder_settings
    cores = f"{asked.cores_per_gpu:g}" if asked.cores_per_gpu else "as many as are needed"
    return [
        f"Recipe {asked.recipe}: {encoder.name}, {encoder.clip_length} frames of {encoder.size}², "
        f"{work.views:.3g} clips per video, {work.weights / 1e6:.1f} million weights, "
        f"{work.operations / 1e9:.3g} billion operations for a clip.",
        f"A GPU learns from {_plain(plan.learning.per_second)} clips/s ({plan.learning.source}), in {asked.precision}; "
        f"all else of a step takes {1e3 * STEP_SECONDS:g} ms (assumed).",
        f"A core reads {_plain(plan.reading.per_second)} clips/s ({plan.reading.source}); cores for each GPU: {cores}.",
        f"A prepared video has {size_text(round(plan.files.size))} ({plan.files.source}), all read in every epoch.",
        f"Assumed, each an option: {asked.machine_gigabits:g} Gbit/s between the {asked.gpus_per_machine} GPUs of a "
        f"machine, {asked.network_gigabits:g} Gbit/s for each between machines.",
    ]


def notes(plan: Plan) -> list[str]:
    """What to know about the numbers above."""
    skipped = ", ".join(f"{gpus:,}" for gpus in _not_possible(plan))
    cases = {
        f"A run folder keeps {size_text(_run_size(plan))}. Not in it: preparing, k-NN evaluations, failures, queues, "
        "waiting for the slowest GPU; nor whether a GPU's memory holds its videos (unreel pretrain --accumulate makes "
        "room, and costs a third more computing).": True,
        "A share of a peak is the weakest number here: all times follow it. Run --measure for a minute on one such GPU "
        "and give what it says as --clips-per-second.": plan.asked.gpu,
        f"Not possible on {skipped} GPUs: a batch of {plan.settings.batch_size} videos cannot be shared equally by so "
        "many. Choose another --batch-size, or --batch-per-gpu.": skipped,
        f"A larger batch than the paper's {PAPER_BATCH} has fewer updates and more negatives, which is another "
        "training: its learning rate, warm-up and perhaps epochs must be found anew.": any(
            each.batch_size > PAPER_BATCH for each in plan.steps
        ),
    }
    return [note for note, holds in cases.items() if holds]


def _plain(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _run_size(plan: Plan) -> int:
    return run_size(plan.work.weights, plan.settings.keep)


def _not_possible(plan: Plan) -> list[int]:
    return sorted({*plan.asked.gpus} - {each.gpus for each in plan.steps})


def _steps(plan: Plan) -> Table:
    names = ("GPUs", "batch", "ms per step", "limit", "efficiency", "cores per GPU")
    needs = ("from storage", "network per GPU", "similarities")
    table = Table("A step, and what it needs so as not to wait", (*names, *needs), left=("limit",))
    rates = [each.batch_size / each.gpus / each.seconds for each in plan.steps]
    for each, rate in zip(plan.steps, rates, strict=True):
        row = (f"{each.gpus:,}", f"{each.batch_size:,}", f"{1000 * each.seconds:,.1f}", each.limit)
        needed = (f"{size_text(round(each.storage))}/s", f"{8 * each.network_per_gpu / 1e9:.3g} Gbit/s")
        table.add(*row, f"{rate / rates[0]:.0%}", f"{each.cores_per_gpu:.1f}", *needed, size_text(each.similarity_size))
    return table


def _costs(plan: Plan) -> Table:
    priced = plan.asked.price_per_gpu_hour is not None
    names = ("videos", "prepared", "GPUs", "updates", "wall time", "GPU-hours", *(("price",) if priced else ()))
    table = Table(f"The whole, {plan.asked.epochs} epochs", names)
    for each in plan.costs:
        row = (f"{each.videos:,}", size_text(round(each.prepared)), f"{each.gpus:,}", f"{each.updates:,}")
        price = () if each.price is None else (f"{each.price:,.0f}",)
        table.add(*row, duration_text(each.seconds), _plain(each.gpu_hours), *price)
    return table
