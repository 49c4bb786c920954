"""`unreel watch`, as typed: once where it is piped, again and again in a terminal until the runs are finished."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
import yaml

from unreel.cli.watch import courses, main, status
from unreel.errors import RunError
from unreel.training.metrics import Metrics
from unreel.training.run_summary import summarise

COMMAND = [sys.executable, "-c", "import sys; from unreel.cli.watch import main; main(sys.argv[1:])"]


def make(run: Path, steps: int = 40, recipe: str = "hdc") -> Path:
    run.mkdir(parents=True)
    (run / "settings.yaml").write_text(yaml.safe_dump({"recipe": recipe, "steps": 400}))
    metrics = Metrics(run / "metrics.csv")
    for step in range(10, steps + 1, 10):
        metrics.write(step, {"loss": 100 / step, "seconds/step": 30.0, "seconds/data": 3.0})
    metrics.close()
    return run


def test_piped_it_draws_once_without_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(make(tmp_path / "mine"))])
    shown = capsys.readouterr().out
    header = "mine  hdc · stopped · step 40 of 400 · 30 s per step, 10% waiting for data"
    assert " ".join(shown.split()).startswith(" ".join(header.split()))
    assert "Loss 2.5" in shown
    assert "\x1b" not in shown


def test_several_runs_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(make(tmp_path / "a" / "run")), str(make(tmp_path / "b" / "run", recipe="sc")), "--once"])
    shown = capsys.readouterr().out.replace("\n", "")
    assert f"{tmp_path}/a/run  hdc" in shown
    assert f"{tmp_path}/b/run  sc" in shown
    assert [each.name for each in courses([summarise(tmp_path / "a" / "run")])] == ["run"]


def test_in_a_terminal_it_goes_on_until_the_run_is_finished(tmp_path: Path) -> None:
    run = make(tmp_path / "mine")
    front, back = pty.openpty()
    environment = os.environ | {"COLUMNS": "60", "LINES": "24", "TERM": "xterm"}
    with subprocess.Popen([*COMMAND, str(run), "--every", "0.05"], stdout=back, env=environment) as watcher:
        os.close(back)
        assert "\x1b[?1049h" in read_until(front, "step 40 of 400")  # on a screen of its own
        assert watcher.poll() is None
        metrics = Metrics(run / "metrics.csv")
        metrics.write(400, {"loss": 0.125})
        metrics.close()
        read_until(front, "step 400 of 400")
        read_until(front, "Loss 0.125")
        assert watcher.poll() is None
        (run / "weights.safetensors").touch()
        read_until(front, "finished")
        assert watcher.wait(20) == 0
    os.close(front)


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    run = make(tmp_path / "mine")
    front, back = pty.openpty()
    environment = os.environ | {"COLUMNS": "60", "LINES": "24", "TERM": "xterm"}
    words = [*COMMAND, str(run)]
    with subprocess.Popen(words, stdin=back, stdout=back, stderr=subprocess.PIPE, env=environment) as watcher:
        os.close(back)
        read_until(front, "step 40 of 400")
        sleep(0.2)
        watcher.send_signal(2)
        read_until(front, "stopped")
        assert watcher.wait(20) == 0
        assert watcher.stderr is not None
        assert watcher.stderr.read() == b""
    os.close(front)


def read_until(terminal: int, text: str) -> str:
    """What is shown from now on until the text appears."""
    shown, end = "", monotonic() + 30
    while text not in shown:
        assert monotonic() < end, shown
        shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def test_the_time_left_is_that_of_the_last_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path / "mine", steps=200)
    monkeypatch.setattr("unreel.training.run_summary.state_of", lambda *_: "running")
    metrics = Metrics(run / "metrics.csv")
    for step in range(210, 310, 10):
        metrics.write(step, {"loss": 1.0, "seconds/step": 60.0, "seconds/data": 0.0})
    metrics.close()
    said = "hdc · running · step 300 of 400 · 1 h 40 min left · 60 s per step, 0% waiting for data"
    assert status(summarise(run)) == said


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no settings.yaml; expected one in every run folder"):
        main([str(tmp_path)])
    with pytest.raises(RunError, match="nowhere is no folder; expected a run folder"):
        main([str(tmp_path / "nowhere")])
    run = make(tmp_path / "torn")
    (run / "metrics.csv").write_text("nothing\n")
    with pytest.raises(RunError, match=r"metrics\.csv is damaged"):
        main([str(run)])


def test_it_starts_without_torch() -> None:
    code = (
        "import sys, unreel.cli.watch, unreel.cli.runs, unreel.training.run_summary; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
