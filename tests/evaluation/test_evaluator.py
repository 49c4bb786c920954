"""One encoder evaluated: the three evaluations of the same features agree, and labels that cannot evaluate are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trials import features_of, videos

from unreel import models
from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError
from unreel.evaluation.evaluator import Evaluator
from unreel.evaluation.splits import official, random_hold_out
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.manifest import Manifest, VideoRecord

ENCODER = LoadedEncoder(models.build("r3d18", width=0.0625), EncoderSettings(width=0.0625), "hdc", "abc", 3)
CLASSES = [f"class {number % 3}" for number in range(60)]
VECTORS = np.random.default_rng(0).normal(size=(60, 8)) + np.eye(8)[[number % 3 for number in range(60)]]


def _manifest(records: tuple[VideoRecord, ...]) -> Manifest:
    return Manifest(Path("prepared"), records, "videos")


def test_the_nearest_neighbour_and_the_first_hit_are_the_same() -> None:
    manifest = _manifest(videos(CLASSES))
    features = features_of(manifest.records, VECTORS)
    for division in (None, random_hold_out(manifest, 0.4, 0)):
        for protocol in ("gap", "centred", "vcop"):
            evaluator = Evaluator(protocol=protocol)
            retrieval = evaluator.retrieval(ENCODER, manifest, features, division)
            (knn,) = evaluator.knn(ENCODER, manifest, features, division)
            (linear,) = evaluator.linear(ENCODER, manifest, features, division)
            assert knn.accuracies["k=1"] == pytest.approx(retrieval.score("class").hits[1])
            assert knn.accuracies["k=1"] == pytest.approx(retrieval.score("class").purity[1])
            assert linear.accuracy > 0.5
            origin = retrieval.origin
            facts = (origin.encoder, origin.checkpoint, origin.collection, origin.level, origin.seed)
            assert facts == ("hdc", "abc", "videos", 5, 3)
            assert knn.origin == origin
            assert replace(linear.origin, split=knn.origin.split) == knn.origin


def test_several_labels_and_videos_without_one() -> None:
    records = videos(["", *CLASSES[1:]])
    records = tuple(replace(each, labels={**each.labels, "side": "lr"[row % 2]}) for row, each in enumerate(records))
    manifest = _manifest(records)
    features = features_of(records, VECTORS)
    knn = Evaluator().knn(ENCODER, manifest, features)
    assert [(each.label, each.videos, each.origin.seen) for each in knn] == [("class", 59, 60), ("side", 60, 60)]
    scores = Evaluator().retrieval(ENCODER, manifest, features).scores
    assert [(each.label, each.queries) for each in scores] == [("class", 59), ("side", 60)]


def test_labels_that_cannot_evaluate() -> None:
    unlabelled = _manifest(videos([""] * 4))
    features = features_of(unlabelled.records, np.eye(4))
    assert Evaluator().retrieval(ENCODER, unlabelled, features).scores == ()
    for evaluate, what in ((Evaluator().knn, "k-NN"), (Evaluator().linear, "a linear probe")):
        with pytest.raises(CollectionError, match=f"videos has no labels, {what} needs some: name a table of"):
            evaluate(ENCODER, unlabelled, features)
    halves = tuple(
        replace(each, splits={"1": "train" if each.labels else "test"}) for each in videos(["a", "b", "", ""])
    )
    one_sided = _manifest(halves)
    message = r"no label of videos \('class'\) is on both sides of split '1', k-NN needs one to learn and to tell"
    with pytest.raises(CollectionError, match=message):
        Evaluator().knn(ENCODER, one_sided, features_of(halves, np.eye(4)), official(one_sided, "1"))
