"""Recognition tested as in Sec. 4: every clip of a video, five crops of each, the softmax averaged over all."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, final

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from unreel.augment import CENTRE_SHARE, ViewDraws, apply_views, centre_draws
from unreel.engine import process_group
from unreel.engine.cpus import default_workers
from unreel.engine.files import write_whole
from unreel.engine.progress import ProgressBar
from unreel.engine.read_ahead import read_ahead
from unreel.errors import CollectionError
from unreel.evaluation.results import Fraction, Natural, made_by
from unreel.methods.classifier import Classifier
from unreel.reading import brief, read_json
from unreel.video.clips.datasets import Failure, Sample
from unreel.video.clips.loading import SMALL
from unreel.video.clips.recognition import RecognitionDataset
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.manifest import Manifest, VideoRecord

FORMAT = "unreel-recognition-1"
PLACES = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
"""Where the crops lie in the frame, from left and from top: in the centre and in the corners."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one video.

    `probabilities` (one per class, to six digits) are the mean over its `clips` clips and their five crops; `place` is
    the right class's among all when sorted by it, from 1. `clips_top1` and `clips_top5` count the clips whose mean over
    the crops has the right class first, or among the first five.
    """

    id: str
    label: str
    predicted: str
    place: Natural
    probabilities: tuple[Fraction, ...]
    clips: Annotated[Natural, Field(ge=1)]
    clips_top1: Natural
    clips_top5: Natural


@dataclass(frozen=True)
class Recognition:
    """A test of recognition; `split` says which videos were held out, `missing` why some of them were not seen.

    Accuracies are shares, 0 to 1, of the videos or clips that were seen.
    """

    label: str
    classes: tuple[str, ...]
    collection: str
    split: str
    step: Natural
    expected: Natural
    missing: dict[str, str]
    predictions: tuple[Prediction, ...]

    def __post_init__(self) -> None:
        if not self.predictions:
            raise ValueError("it has no prediction")
        for each in self.predictions:
            if not {each.label, each.predicted} <= set(self.classes) or len(each.probabilities) != len(self.classes):
                raise ValueError(f"its prediction of {brief(each.id)} is of other classes")

    @property
    def seen(self) -> int:
        """How many videos were tested."""
        return len(self.predictions)

    @property
    def figures(self) -> dict[str, float]:
        """Accuracy of videos and of clips; the right class among five says something where there are more than five."""
        clips = sum(each.clips for each in self.predictions)
        figures = {
            "video/top1": sum(each.place <= 1 for each in self.predictions) / self.seen,
            "video/top5": sum(each.place <= 5 for each in self.predictions) / self.seen,
            "clip/top1": sum(each.clips_top1 for each in self.predictions) / clips,
            "clip/top5": sum(each.clips_top5 for each in self.predictions) / clips,
        }
        return figures if len(self.classes) > 5 else {name: figures[name] for name in ("video/top1", "clip/top1")}

    @property
    def confusion(self) -> Int[np.ndarray, "k k"]:
        """How many videos of each class (row) were taken for each class (column)."""
        row = {name: number for number, name in enumerate(self.classes)}
        table = np.zeros((len(row), len(row)), dtype=np.int64)
        for each in self.predictions:
            table[row[each.label], row[each.predicted]] += 1
        return table


@final
@dataclass(frozen=True)
class RecognitionTest:
    """Which videos of a collection are tested, by the label of which name; `missing` are those known not to be seen.

    `workers` processes decode; default: chosen by the number of clips.
    """

    manifest: Manifest
    videos: tuple[VideoRecord, ...]
    label: str
    split: str
    missing: Mapping[str, str]
    workers: int | None = None

    def run(self, classifier: Classifier, step: int, *, shared: bool = False) -> Recognition:
        """What the classifier, after so many steps, says of all videos; it is left in the mode that it was in.

        `shared`: all processes of the run call this together, see a share of the videos each, and get the same result.

        Raises:
            CollectionError: not one of the videos can be read any more.
        """
        training = classifier.training
        classifier.eval()
        if shared:
            share = dict(self._outcomes(classifier, self.videos[process_group.rank() :: process_group.count()]))
            shares = process_group.everyone(share)
        else:
            shares = [dict(self._outcomes(classifier, self.videos))]
        classifier.train(training)
        outcomes = {identity: outcome for share in shares for identity, outcome in share.items()}
        predictions = [outcomes[each.id] for each in self.videos]
        failed = {each.id: each.reason for each in predictions if isinstance(each, Failure)}
        seen = tuple(each for each in predictions if isinstance(each, Prediction))
        collection = self.manifest.source or str(self.manifest.root)
        if not seen:
            raise CollectionError(
                f"none of the {len(self.videos)} test videos of {collection} can be read any more: prepare again."
            )
        missing = {**self.missing, **failed}
        expected = len(self.videos) + len(self.missing)
        return Recognition(self.label, classifier.classes, collection, self.split, step, expected, missing, seen)

    def _outcomes(
        self, classifier: Classifier, own: Sequence[VideoRecord]
    ) -> Iterator[tuple[str, Prediction | Failure]]:
        """What became of each of the videos."""
        labels = {each.id: each.labels[self.label] for each in own}
        for identity, shares in clip_shares(classifier, self.manifest, own, self.workers, "testing"):
            if isinstance(shares, Failure):
                yield identity, shares
            else:
                yield identity, _prediction(identity, labels[identity], shares, classifier.classes)


def clip_shares(
    classifier: Classifier,
    manifest: Manifest,
    videos: Sequence[VideoRecord],
    workers: int | None = None,
    description: str = "predicting",
) -> Iterator[tuple[str, Float[np.ndarray, "v k"] | Failure]]:
    """Of each video its id and the share of each class in each of its clips, the mean over five crops; or why not.

    Videos are decoded, by `workers` processes, and encoded by pieces: a long one needs no more memory than a short one.
    """
    encoder = classifier.settings.encoder_settings
    dataset = RecognitionDataset(manifest, videos, encoder.clip_length, scale=TimeScale.of(encoder))
    device = classifier.linear.weight.device.type
    workers = (0 if dataset.clips < SMALL else default_workers(device)) if workers is None else workers
    with (
        closing(read_ahead(dataset, dataset.pieces, workers, yielding=device == "cpu")) as samples,
        ProgressBar(description, len(videos)) as bar,
    ):
        for identity, pieces in groupby(samples, key=lambda sample: str(sample.id)):
            yield identity, _shares(classifier, pieces)
            bar.advance()


def write_recognition(path: Path, recognition: Recognition) -> None:
    """Write a test, its figures and its confusion matrix as JSON, whole or not at all."""
    content = {
        "format": FORMAT,
        "seen": recognition.seen,
        "figures": recognition.figures,
        "confusion": recognition.confusion.tolist(),
        **asdict(recognition),
    }
    write_whole(path, json.dumps(content, indent=1))


def read_recognition(path: Path) -> Recognition:
    """Read what `write_recognition` wrote.

    Raises:
        CollectionError: the file is missing or not one of ours.
    """
    return read_json(path, Recognition, made_by("unreel finetune"), format=FORMAT)


def five_crops(sample: Sample, size: int, device: torch.device) -> Float[Tensor, "v 5 3 t {size} {size}"]:
    """The centre and the four corners of the whole frame, of every clip of a sample, as the encoder is shown them.

    A crop's side is 0.875 of the frame's shorter one: 112 of 128 pixels.
    """
    luma, chroma, to_rgb = sample.tensors(device)
    clips, _, height, width = luma.shape
    side = min(height, width)
    plain = centre_draws(clips, CENTRE_SHARE)
    crops = []
    for x, y in PLACES:
        left, top = 2 * round(x * (width - side) / 2), 2 * round(y * (height - side) / 2)  # whole samples of chroma
        box = torch.tensor([x * (1 - CENTRE_SHARE), y * (1 - CENTRE_SHARE), CENTRE_SHARE]).expand(clips, 3)
        draws = ViewDraws(box, plain.flip, plain.jitter, plain.channel)
        square = luma[..., top : top + side, left : left + side]
        colours = chroma[..., top // 2 : (top + side) // 2, left // 2 : (left + side) // 2]
        crops.append(apply_views(square, colours, to_rgb.expand(clips, 3, 4), draws, size))
    return torch.stack(crops, dim=1)


def _shares(classifier: Classifier, pieces: Iterable[Sample | Failure]) -> Float[np.ndarray, "v k"] | Failure:
    """What the classifier says of the clips of one video, or why it could not be read."""
    size, device = classifier.settings.encoder_settings.size, classifier.linear.weight.device
    clips: list[Float[np.ndarray, "v k"]] = []
    for piece in pieces:
        if isinstance(piece, Failure):
            return piece
        crops = five_crops(piece, size, device)
        shares = classifier.probabilities(crops.flatten(0, 1)).view(len(crops), len(PLACES), -1)
        clips.append(shares.double().mean(dim=1).cpu().numpy())
    return np.concatenate(clips)


def _prediction(identity: str, label: str, clips: Float[np.ndarray, "n k"], classes: Sequence[str]) -> Prediction:
    video = clips.mean(axis=0)
    order = np.argsort(-np.vstack([video, clips]), axis=1, kind="stable")
    first, *places = (int(place) + 1 for place in np.argmax(order == classes.index(label), axis=1))
    return Prediction(
        identity,
        label,
        predicted=classes[order[0, 0]],
        place=first,
        probabilities=tuple(round(float(share), 6) for share in video),
        clips=len(clips),
        clips_top1=sum(place <= 1 for place in places),
        clips_top5=sum(place <= 5 for place in places),
    )
