"""The protocol `vcop` against an independent implementation: NumPy and scikit-learn, as its authors' code does it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from sklearn.metrics.pairwise import cosine_distances
from trials import videos

from unreel import models
from unreel.checkpoint import LoadedEncoder
from unreel.evaluation.evaluator import Evaluator
from unreel.evaluation.features import Features
from unreel.evaluation.results import Retrieval
from unreel.evaluation.splits import official
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.manifest import Manifest

KS = (1, 5, 10, 20, 50)
KNOWN, ASKED, BATCH = 253, 85, 8  # neither fills its last batch


def topk_by_numpy(
    clips: Float[np.ndarray, "n v c"], classes: np.ndarray, known: np.ndarray, asked: np.ndarray, drop_last: bool
) -> tuple[dict[int, int], np.ndarray]:
    """How many queries have their class among the k nearest, and the order of the gallery for each."""
    if drop_last:  # loaders that leave out a batch which is not full
        known = known[: len(known) // BATCH * BATCH]
        asked = asked[: len(asked) // BATCH * BATCH]
    gallery, queries = np.mean(clips[known], 1), np.mean(clips[asked], 1)
    order = np.argsort(cosine_distances(queries, gallery), kind="stable")
    correct = dict.fromkeys(KS, 0)
    for k in KS:
        for nearest, wanted in zip(order[:, :k], classes[asked], strict=True):
            correct[k] += int(wanted in classes[known][nearest])
    return correct, order


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_equals_numpy_and_scikit_learn_on_the_same_features(seed: int, drop_last: bool) -> None:
    chance = np.random.default_rng(seed)
    classes = chance.integers(12, size=KNOWN + ASKED)
    clips = chance.normal(size=(KNOWN + ASKED, 10, 288)) + 0.1 * classes[:, None, None] * chance.normal(size=288)
    clips = np.maximum(clips, 0)  # as after a ReLU
    parts = ["train"] * KNOWN + ["test"] * ASKED
    plain = videos([f"{label}" for label in classes])
    records = tuple(replace(video, splits={"1": part}) for video, part in zip(plain, parts, strict=True))
    manifest = Manifest(Path("prepared"), records, "videos")
    encoder = LoadedEncoder(models.build("r3d18", width=0.0625), EncoderSettings(width=0.0625), "hdc", "", 0)
    features = Features(tuple(video.id for video in records), clips.mean(axis=1, keepdims=True), {})
    evaluator = Evaluator(protocol="vcop", drop_last=BATCH if drop_last else 0)
    found = evaluator.retrieval(encoder, manifest, features, official(manifest, "1"))

    rows = np.arange(KNOWN + ASKED)
    correct, order = topk_by_numpy(clips, classes, rows[:KNOWN], rows[KNOWN:], drop_last)
    score = found.score("class")
    assert score.queries == len(order)
    assert {k: round(share * len(order)) for k, share in score.hits.items()} == correct
    for query, hits in zip(found.neighbours, order, strict=True):
        assert [hit.id for hit in found.neighbours[query]] == [records[row].id for row in hits[:50]]
    _check_what_is_said(found, drop_last)


def _check_what_is_said(found: Retrieval, drop_last: bool) -> None:
    seen = (248, 80) if drop_last else (KNOWN, ASKED)
    assert (found.origin.gallery_seen, found.origin.queries_seen) == seen
    assert (found.origin.gallery_expected, found.origin.queries_expected) == (KNOWN, ASKED)
    assert found.origin.protocol == ("vcop, last batch of 8 dropped" if drop_last else "vcop")
    assert len(found.origin.missing) == found.origin.expected - found.origin.seen == (10 if drop_last else 0)
