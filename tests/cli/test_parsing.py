"""What the command line makes of words, and how it ends where nobody reads on."""

import subprocess
import sys

import pytest

from unreel import cli
from unreel.cli.inputs.parsing import parse
from unreel.errors import SettingsError
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.hdc import HDCSettings


def test_words_become_settings(capsys: pytest.CaptureFixture[str]) -> None:
    settings = parse(HDCSettings, "pretrain", ["videos", "--out", "run", "--steps", "7", "--alpha", "0", "0", "1"])
    assert (str(settings.folder), settings.steps, settings.alpha) == ("videos", 7, (0.0, 0.0, 1.0))
    again = parse(HDCSettings, "pretrain", ["--out", "other"], default=settings)
    assert again == settings.model_copy(update={"out": again.out})
    assert str(again.out) == "other"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        (HDCSettings, ["--batch-size", "1"], ["batch_size: got 1: Input should be greater than or equal to 2"]),
        (HDCSettings, ["--norm", "batch", "--accumulate", "2"], ["norm is batch, whose statistics", "instance"]),
        (HDCSettings, ["--temperature", "0", "--steps", "-1"], ["2 setting(s)", "temperature: got", "steps: got"]),
        (HDCSettings, ["--augmentation.flip-probability", "2"], ["flip_probability: got 2.0: Input should be"]),
        (FinetuneSettings, ["--split", "1", "--test-groups", "ann"], ["split is '1' and test_groups are ann", "take"]),
    ],
)
def test_senseless_values_are_told_in_our_words(
    kind: type[HDCSettings | FinetuneSettings],
    words: list[str],
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(kind, "verb", ["videos", "--out", "run", *words])
    assert str(caught.value).startswith("verb: ")
    assert all(each in str(caught.value) for each in expected)
    assert not any(word in str(caught.value) for word in ("pydantic", "Value error", "input_value"))
    assert capsys.readouterr() == ("", "")


def test_what_tyro_explains_is_said_once_and_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, mark in ((["--help"], 0, "usage: unreel verb"), (["--stepz", "3"], 2, "Perhaps you meant")):
        with pytest.raises(SystemExit) as caught:
            parse(HDCSettings, "verb", ["videos", "--out", "run", *words])
        out, err = capsys.readouterr()
        assert caught.value.code == code
        assert (out + err).count(mark) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["pretrain", "--help"], ["pretrain", "--list-recipes"]])
def test_a_reader_that_leaves_is_no_error_to_talk_about(words: list[str]) -> None:
    command = [sys.executable, "-m", "unreel", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before the process could write: as `| true` does
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_another_broken_pipe_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: list[str]) -> None:
        raise BrokenPipeError("a worker is gone")

    monkeypatch.setattr("unreel.cli.runs.main", broken)
    monkeypatch.setattr(sys, "argv", ["unreel", "runs", "somewhere"])
    with pytest.raises(BrokenPipeError, match="a worker is gone"):
        cli.main()
