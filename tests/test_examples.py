"""A method and an encoder that unreel does not know go through every verb, unchanged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unreel.cli import synth

EXAMPLES = Path(__file__).parents[1] / "examples"
METHOD, ENCODER = f"{EXAMPLES}/arrow_of_time.py:ArrowOfTime", f"{EXAMPLES}/small_encoder.py:SmallEncoder"
SMALL = ("--steps", "3", "--batch-size", "4", "--loader-workers", "1", "--devices", "1", "--accelerator", "cpu")
INPUT = ("--size", "32", "--clip-length", "8", "--knn-every", "2")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "videos"
    synth.main([str(folder), "--videos", "8", "--frames", "12", "--side", "48", "--workers", "1"])
    return folder


def unreel(*words: object, code: int = 0) -> str:
    """What a command says on both streams."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "unreel", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "own", [("--method", METHOD, "--width", "0.0625"), ("--encoder", ENCODER)], ids=["method", "encoder"]
)
def test_every_verb_takes_them(own: tuple[str, ...], videos: Path, tmp_path: Path) -> None:
    run, again, named = tmp_path / "run", tmp_path / "again", own[:2]
    code = named if own[0] == "--encoder" else ()
    unreel("pretrain", videos, "--out", run, *own, *SMALL, *INPUT)
    unreel("pretrain", "--config", run / "settings.yaml", "--out", again, videos, *named)
    weights = [(each / "weights.safetensors").read_bytes() for each in (run, again)]
    assert weights[0] == weights[1]
    shown = unreel(
        "evaluate", "retrieval", run, videos, "--out", tmp_path / "evaluation", "--loader-workers", "0", *code
    )
    assert "R@1" in shown or "%" in shown
    unreel("embed", run, videos, "--out", tmp_path / "table.lance", "--loader-workers", "0", *code)
    first = sorted(videos.rglob("*.mp4"))[0]
    assert first.name in unreel("search", tmp_path / "table.lance", first, "--weights", run, *code)
    words = ("--label", "motion", "--weights", run, "--frozen-levels", "1", *SMALL[:6])
    unreel("finetune", videos, "--out", tmp_path / "tuned", *words, *code)
    unreel("runs", tmp_path)
    if own[0] == "--method":
        said = unreel("pretrain", "--help", "--method", METHOD)
        assert "--sharpness" in said and "--temperature" not in said


def test_what_a_strangers_file_names_is_not_run(videos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    unreel("pretrain", videos, "--out", run, "--encoder", ENCODER, *SMALL, *INPUT)
    said = unreel("embed", run, videos, "--out", tmp_path / "table.lance", code=2)
    assert "is code outside unreel that a file names" in " ".join(said.split())
    said = unreel("pretrain", "--config", run / "settings.yaml", "--out", tmp_path / "again", videos, code=2)
    assert "give --encoder" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--method", "hcd"), "there is no method 'hcd'; did you mean hdc?"),
        (("--encoder", "r3d81"), "there is no encoder 'r3d81'; did you mean r3d18?"),
        (("--method", f"{EXAMPLES}/none.py:Method"), "there is no file"),
        (
            ("--method", f"{EXAMPLES}/small_encoder.py:SmallEncoder"),
            "has no settings: expected an attribute settings_kind",
        ),
        (("--encoder", f"{EXAMPLES}/arrow_of_time.py:ArrowOfTime"), "expected a class made from unreel's Encoder"),
        (("--method", f"{EXAMPLES}/arrow_of_time.py:Arrow"), "there is no Arrow in arrow_of_time"),
        (("--encoder", "no_such_module:Net"), "cannot be imported: ModuleNotFoundError"),
        (("--method", METHOD, "--sharpnes", "2"), "sharpnes"),
        (("--encoder", ENCODER, "--width", "0.5"), "width is for unreel's own encoders"),
        (("--frame-step", "50"), "fewer than there are from one frame of a clip to the next"),
        (("--frame-rate", "60"), "fewer than the frame rate of 60"),
        (("--frame-rate", "5", "--frame-step", "2"), "expected one of them"),
    ],
)
def test_mistakes_are_told_in_a_sentence(words: tuple[str, ...], expected: str, videos: Path, tmp_path: Path) -> None:
    said = unreel("pretrain", videos, "--out", tmp_path / "run", *SMALL, *INPUT, *words, code=2)
    assert expected in " ".join(said.split())
    assert not (tmp_path / "run").exists()


def test_one_scene_at_two_rates_looks_the_same(tmp_path: Path) -> None:
    import av
    import numpy as np

    folder = tmp_path / "videos"
    folder.mkdir()
    for rate in (25, 60):
        with av.open(folder / f"{rate}.mp4", "w") as container:
            stream = container.add_stream("libx264", rate=rate, options={"crf": "12"})
            stream.width = stream.height = 96
            stream.pix_fmt = "yuv420p"
            for number in range(2 * rate):
                x, y = np.meshgrid(np.arange(96), np.arange(96))
                t = number / rate
                scene = 128 + 100 * np.sin((x + 20 * t) / 6) * np.cos((y - 11 * t) / 9)
                frame = av.VideoFrame.from_ndarray(np.repeat(scene[..., None], 3, 2).astype(np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    run = tmp_path / "run"
    unreel(
        "pretrain",
        folder,
        "--out",
        run,
        "--recipe",
        "scratch",
        "--batch-size",
        "2",
        "--width",
        "0.0625",
        "--frame-rate",
        "12.5",
        "--size",
        "64",
    )
    unreel("embed", run, folder, "--out", tmp_path / "table.lance", "--loader-workers", "0", "--clips", "1")
    unreel("export", tmp_path / "table.lance", "--out", tmp_path / "table.npy")
    vectors = np.load(tmp_path / "table.npy")
    one, other = (each / np.linalg.norm(each) for each in vectors[::2].astype(float))  # clip, video, clip, video
    assert float(one @ other) > 0.99
