"""What `unreel plan` says."""

import json
from pathlib import Path

import pytest
from clips import Clip

from unreel.cli.plan import main
from unreel.errors import UnreelError
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

RATES = ["--clips-per-second", "3000", "--decode-clips-per-second", "500"]
KINETICS = ["--videos", "240_000", *RATES]


def _json(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    main([*words, "--json"])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    main([*KINETICS, "--gpus", "1", "8", "--price-per-gpu-hour", "2.5"])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "A GPU learns from 3,000 clips/s (given: --clips-per-second), in bf16-mixed;" in said
    assert "A core reads 500 clips/s (given: --decode-clips-per-second);" in said
    assert "33.2 million weights, 43.2 billion operations" in said
    for heading in ("ms per step", "limit", "efficiency", "cores per GPU", "from storage", "network", "similarities"):
        assert heading in said
    for heading in ("prepared", "updates", "wall time", "GPU-hours", "price"):
        assert heading in said
    assert "70 GB" in said  # 240,000 videos of 10 s of 29 kB
    assert "375,000" in said  # 200 · 240,000 / 128
    assert "A run folder keeps 930 MB." in said  # weights, and three checkpoints


def test_json_is_the_same_in_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(json.dumps(_json([*KINETICS, "--gpus", "1", "8", "--price-per-gpu-hour", "2"], capsys)))
    alone, eight = found["steps"]
    assert alone["seconds"] == pytest.approx(128 * 3 / 3000 + 0.01)
    assert alone["cores_per_gpu"] == pytest.approx(2 * 128 / 500 / alone["seconds"])
    assert alone["storage"] == pytest.approx(128 * 290_000 / alone["seconds"])
    assert (alone["network_per_gpu"], alone["limit"], eight["batch_size"]) == (0, "computing", 128)
    first = found["costs"][0]
    assert (first["gpus"], first["updates"], first["prepared"]) == (1, 375_000, pytest.approx(69.6e9))
    assert first["seconds"] == pytest.approx(375_000 * alone["seconds"])
    assert first["price"] == pytest.approx(2 * first["gpu_hours"])
    assert found["learning"] == {"per_second": 3000, "source": "given: --clips-per-second"}
    assert found["gpus_not_possible"] == []
    assert (found["recipe"], found["epochs"], found["precision"]) == ("hdc", 200, "bf16-mixed")


def test_several_collections_and_a_peak(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--videos", "240000", "100_000_000", "--gpu", "H100", "--utilisation", "0.2", "--batch-size", "1024"]
    found = json.loads(json.dumps(_json([*words, "--gpus", "8", "64", "1000", "2000"], capsys)))
    assert {each["videos"]: each["prepared"] for each in found["costs"]} == pytest.approx(
        {240_000: 69.6e9, 100_000_000: 29e12}
    )
    assert "assumed: 20% of the 989 TFLOP/s" in found["learning"]["source"]
    assert "docs/speed.md" in found["reading"]["source"]
    assert found["gpus_not_possible"] == [1000, 2000]  # as training refuses them
    notes = " ".join(found["notes"])
    assert "Not possible on 1,000, 2,000 GPUs: a batch of 1024 videos cannot be shared equally" in notes
    assert "A share of a peak is the weakest number here" in notes


def test_a_batch_that_grows_is_another_training(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(json.dumps(_json([*KINETICS, "--gpus", "1", "1000", "--batch-per-gpu", "16"], capsys)))
    assert [each["batch_size"] for each in found["steps"]] == [16, 16_000]
    assert found["costs"][0]["updates"] == 1000 * found["costs"][1]["updates"]
    assert "fewer updates and more negatives, which is another training" in " ".join(found["notes"])
    usual = json.loads(json.dumps(_json([*KINETICS, "--gpus", "8"], capsys)))
    assert "another training" not in " ".join(usual["notes"])


def test_what_a_step_waits_for_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    main([*KINETICS, "--gpus", "8", "--cores-per-gpu", "0.5"])
    said = capsys.readouterr().out
    assert "decoding" in said
    assert "cores for each GPU: 0.5." in said


def test_a_prepared_folder_and_what_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unreel.planning.rates.stages", lambda *_: {"decoding": 0.3, "handing over": 0.1})
    for number in range(2):
        Clip(width=96, height=80, frames=24).write(tmp_path / "videos" / f"{number}.mp4")
    manifest = prepare(tmp_path / "videos", tmp_path / "prepared", PrepareOptions(64))
    words = ["--prepared", str(manifest.root), "--recipe", "hdc-small", "--batch-size", "2", "--gpus", "1", "2"]
    found = json.loads(json.dumps(_json([*words, "--measure", "--clips-per-second", "7"], capsys)))
    files = [path.stat().st_size for path in manifest.root.rglob("*.mp4")]
    assert found["files"]["size"] == sum(files) / 2
    assert found["costs"][0]["videos"] == 2
    assert found["learning"]["source"] == "given: --clips-per-second"
    assert found["reading"]["per_second"] == pytest.approx(5)  # a pair in .4 s
    assert found["reading"]["source"].startswith("measured here and now: one core, 2 videos of ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (RATES, "got no --videos, expected how many"),
        (["--videos", "1000"], "got nothing that says how fast a GPU learns. Give --measure"),
        ([*KINETICS, "--gpu", "A100"], "got --gpu and --clips-per-second, expected one of them"),
        (["--videos", "1000", "--gpu", "A1000"], "got --gpu 'A1000', expected one of A100, A10, "),
        (["--videos", "1000", "--gpu", "A100", "--precision", "32-true"], "are for bfloat16"),
        ([*KINETICS, "--batch-size", "8", "--batch-per-gpu", "8"], "expected one of them: a batch stays the same"),
        ([*KINETICS, "--gpus", "256", "1000"], "got a batch of 128 videos, which 256, 1000 GPUs cannot share equally"),
        (["--videos", "100", *RATES], "got 100 videos, expected at least 128 to fill a batch"),
        ([*KINETICS, "--recipe", "hcd"], "no recipe 'hcd'; did you mean hdc"),
        ([*KINETICS, "--recipe", "scratch"], "recipe scratch learns nothing"),
        ([*KINETICS, "--utilisation", "1.5"], "less than or equal to 1"),
        (["--prepared", "nowhere", *RATES], "nowhere"),
        (["--prepared", "here", "--seconds-per-video", "9", *RATES], "whose videos tell how long they are"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    with pytest.raises(UnreelError) as caught:
        main(words)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
