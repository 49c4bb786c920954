"""A test of recognition against a slow loop over every clip and crop, in one process and in two."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip, picture
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import UInt8
from sklearn.metrics import confusion_matrix, top_k_accuracy_score
from torch import distributed
from torch.multiprocessing.spawn import spawn

from unreel.errors import CollectionError, OutputError
from unreel.evaluation.recognition import (
    Recognition,
    RecognitionTest,
    _prediction,
    read_recognition,
    write_recognition,
)
from unreel.methods.classifier import Classifier
from unreel.settings.finetuning import FinetuneSettings
from unreel.video.clips.recognition import CLIPS_AT_ONCE
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader

SIDE, SIZE, LENGTH = 32, 28, 8  # crops of 28 of 32 pixels are not scaled
CLASSES = ("a", "b", "c", "d", "e", "f")
VIDEOS = {"a/long.mp4": 75, "b/short.mp4": 5, "c/tall.mp4": 19, "f/other.mp4": 24}


def grey(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """Pictures without colour, brighter to the right and from picture to picture."""
    ramp = np.linspace(0, 60, width) + picture(number, width, height)[..., 0] * 0.7
    return np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("recognition")
    for name, frames in VIDEOS.items():
        width, height = (48, 66) if "tall" in name else (84, 48)  # 32 × 44 and 56 × 32: their centres are even places
        Clip(width=width, height=height, frames=frames, pictures=grey).write(folder / "videos" / name)
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE, labels="folders"))


def _classifier() -> Classifier:
    torch.manual_seed(0)
    values = {"folder": "in", "out": "out", "width": 0.0625, "size": SIZE, "clip_length": LENGTH}
    classifier = Classifier(FinetuneSettings.model_validate(values), CLASSES, {})
    with torch.no_grad():
        classifier.linear.weight.mul_(20)  # so that clips and crops differ in what is said of them
    return classifier


def _test(manifest: Manifest, **changes: object) -> RecognitionTest:
    return replace(RecognitionTest(manifest, manifest.usable, "class", "all", {}, workers=0), **changes)  # type: ignore[arg-type]


def _by_hand(manifest: Manifest, record: VideoRecord, classifier: Classifier) -> list[list[float]]:
    """The mean softmax of each clip, from the luma of the whole video: without colour, it is all there is."""
    whole = PyAVReader().read_clips(manifest.file(record), [0], record.frames)[0].luma
    height, width = whole.shape[1:]
    corners = [(0, 0), (0, width - SIZE), (height - SIZE, 0), (height - SIZE, width - SIZE)]
    places = [((height - SIZE) // 2, (width - SIZE) // 2), *corners]
    clips = []
    for start in range(0, max(1, record.frames - LENGTH + 1), LENGTH):
        sums = [0.0] * len(CLASSES)
        for top, left in places:
            frames = [whole[(start + number) % record.frames] for number in range(LENGTH)]
            crop = np.stack([frame[top : top + SIZE, left : left + SIZE] for frame in frames]).astype(np.float32)
            values = np.clip((crop - 16) / 219, 0, 1) * 2 - 1
            shown = torch.from_numpy(values).expand(1, 3, -1, -1, -1)
            logits = classifier.linear(classifier.encoder(shown)[5].mean(dim=(2, 3, 4)))[0].tolist()
            total = sum(math.exp(logit) for logit in logits)
            sums = [old + math.exp(logit) / total / len(places) for old, logit in zip(sums, logits, strict=True)]
        clips.append(sums)
    return clips


def test_the_softmax_is_averaged_over_all_clips_and_crops(manifest: Manifest) -> None:
    classifier = _classifier()
    found = _test(manifest).run(classifier, step=7)
    clips_right = clips = 0
    for record, prediction in zip(manifest.usable, found.predictions, strict=True):
        expected = np.array(_by_hand(manifest, record, classifier))
        video = expected.mean(axis=0)
        assert prediction.id == record.id
        assert prediction.probabilities == pytest.approx(video.tolist(), abs=2e-3)
        assert prediction.predicted == CLASSES[int(video.argmax())]
        own = CLASSES.index(record.labels["class"])
        assert prediction.clips == len(expected) == max(1, record.frames // LENGTH)
        clips_right, clips = clips_right + int((expected.argmax(axis=1) == own).sum()), clips + len(expected)
    assert found.figures["clip/top1"] == clips_right / clips
    assert (found.seen, found.expected, found.missing, found.step) == (4, 4, {}, 7)
    assert len({prediction.predicted for prediction in found.predictions}) > 1  # it is a test that can fail


def test_chance_and_the_mode_of_training_change_nothing(manifest: Manifest) -> None:
    classifier = _classifier().train()
    assert _test(manifest).run(classifier, 0) == _test(manifest).run(classifier.eval(), 0)
    assert not classifier.training
    _test(manifest).run(classifier.train(), 0)
    assert classifier.training
    assert _test(manifest, workers=1).run(classifier, 0) == _test(manifest).run(classifier, 0)


def test_a_long_video_is_encoded_by_pieces(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    most: list[int] = []
    encode = Classifier.probabilities

    def noted(self: Classifier, clips: torch.Tensor) -> torch.Tensor:
        most.append(len(clips))
        return encode(self, clips)

    monkeypatch.setattr(Classifier, "probabilities", noted)
    _test(manifest, videos=(manifest.usable[0],)).run(_classifier(), 0)
    assert most == [5 * CLIPS_AT_ONCE, 5 * CLIPS_AT_ONCE, 5]  # nine clips, five crops of each


@given(seed=st.integers(0, 999), videos=st.integers(1, 9), many=st.booleans())
def test_the_figures_are_those_of_another_library(seed: int, videos: int, many: bool) -> None:
    chance = np.random.default_rng(seed)
    classes = CLASSES if many else CLASSES[:4]
    tables = [chance.dirichlet(np.ones(len(classes)), size=chance.integers(1, 5)) for _ in range(videos)]
    labels = [str(label) for label in chance.choice(classes, videos)]
    said = [
        _prediction(f"{n}", label, table, classes) for n, (label, table) in enumerate(zip(labels, tables, strict=True))
    ]
    found = Recognition("class", classes, "", "", 0, videos, {}, tuple(said))
    means, every = np.stack([table.mean(axis=0) for table in tables]), np.concatenate(tables)
    of_clips = [label for label, table in zip(labels, tables, strict=True) for _ in table]
    expected = {
        f"{what}/top{k}": top_k_accuracy_score(truth, scores, k=k, labels=classes)
        for what, truth, scores in (("video", labels, means), ("clip", of_clips, every))
        for k in ((1, 5) if many else (1,))
    }
    assert found.figures == pytest.approx(expected)
    guesses = [classes[row] for row in means.argmax(axis=1)]
    np.testing.assert_array_equal(found.confusion, confusion_matrix(labels, guesses, labels=classes))


def test_a_video_that_cannot_be_read_any_more_is_missing_with_its_reason(manifest: Manifest) -> None:
    gone = tuple(replace(each, path="gone.mp4") if "tall" in each.id else each for each in manifest.usable)
    found = _test(manifest, videos=gone, missing={"z/new.mp4": "no training video has its class"}).run(_classifier(), 0)
    assert (found.seen, found.expected) == (3, 5)
    assert list(found.missing) == ["z/new.mp4", "c/tall.mp4"]
    assert found.missing["c/tall.mp4"].startswith("c/tall.mp4 cannot be read any more")
    whole = _test(manifest).run(_classifier(), 0)
    assert found.predictions == tuple(each for each in whole.predictions if each.id != "c/tall.mp4")
    with pytest.raises(
        CollectionError, match=r"none of the 1 test videos of .*videos can be read any more: prepare again"
    ):
        _test(manifest, videos=(gone[2],)).run(_classifier(), 0)


def test_written_whole_or_not_at_all_and_read_back_equal(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, found = tmp_path / "recognition.json", _test(manifest, missing={"x": "why"}).run(_classifier(), 3)
    write_recognition(path, found)
    assert read_recognition(path) == found
    content = json.loads(path.read_text())
    assert content["figures"] == found.figures
    assert content["confusion"] == found.confusion.tolist()
    assert (content["seen"], content["expected"]) == (4, 5)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space"):
        write_recognition(path, replace(found, step=4))
    assert read_recognition(path) == found


def test_files_that_are_no_test_of_recognition(tmp_path: Path) -> None:
    path = tmp_path / "recognition.json"
    with pytest.raises(CollectionError, match=r"json cannot be read \(No such file or directory\)\. .*unreel finetune"):
        read_recognition(path)
    path.write_text('{"format": "another"}')
    with pytest.raises(
        CollectionError, match=r"has the format 'another', expected 'unreel-recognition-1'\. .*unreel finetune"
    ):
        read_recognition(path)


def _process(rank: int, root: str, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    write_recognition(Path(folder, f"{rank}.json"), _test(Manifest.read(Path(root))).run(_classifier(), 0, shared=True))
    distributed.destroy_process_group()


def test_two_processes_share_the_videos_and_find_what_one_finds(manifest: Manifest, tmp_path: Path) -> None:
    spawn(_process, (str(manifest.root), str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    alone = _test(manifest).run(_classifier(), 0)
    assert alone == _test(manifest).run(_classifier(), 0, shared=True)
    for rank in range(2):
        assert read_recognition(tmp_path / f"{rank}.json") == alone
