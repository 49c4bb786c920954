"""Results as jobs leave them, written by hand."""

from collections.abc import Mapping
from pathlib import Path

from retrievals import EMPTY, changed

from unreel.evaluation.finetune_results import Finetuned, PartResult, write_finetuned
from unreel.evaluation.results import Retrieval, Score, write_retrievals


def tuned(path: Path, split: str, top1: float, *, seed: int = 0, encoder: str = "hdc", missing: int = 0) -> None:
    """The finetune.json of one split of 100 videos."""
    figures = {"video/top1": top1}
    unseen = {f"gone-{number}.avi": "named by the lists but not in the folder" for number in range(missing)}
    part = PartResult(f"{split}, test", figures, 100 - missing, 100, unseen)
    facts = {
        "collection": "/data/UCF-101",
        "label": "class",
        "protocol": "fine-tuned for 9 steps of 4, five crops of every clip",
    }
    found = Finetuned(
        encoder,
        f"{encoder}-{seed}",
        **facts,
        division="splits",
        seed=seed,
        parts=(part,),
        figures=figures,
        deviations={},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_finetuned(path, found)


def retrieved(path: Path, hits: Mapping[str, Mapping[int, float]], *, labels: tuple[str, ...] = ("class",)) -> None:
    """The retrieval.json of several encoders, evaluated by several labels alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_retrievals(path, [_retrieval(encoder, shares, labels) for encoder, shares in hits.items()])


def _retrieval(encoder: str, hits: Mapping[int, float], labels: tuple[str, ...]) -> Retrieval:
    scores = tuple(Score(label, 9, 0.1, dict(hits), dict.fromkeys(hits, (0.0, 1.0))) for label in labels)
    return changed(
        EMPTY,
        encoder=encoder,
        checkpoint=f"{encoder}-weights",
        collection="/data/UCF-101",
        protocol="vcop",
        seen=100,
        expected=100,
        scores=scores,
    )
