"""`unreel runs`: what it says of runs in every state, whole and broken, and how they are compared."""

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from unreel.cli import runs
from unreel.errors import RunError, SettingsError
from unreel.training.metrics import Metrics
from unreel.training.run_summary import pace

HOLDER = """
import sys
from pathlib import Path
from unreel.engine.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def make(run: Path, rows: list[dict[str, float]], **settings: object) -> Path:
    """A run folder as training leaves it when it is stopped."""
    run.mkdir(parents=True)
    settings = {"recipe": "hdc", "out": str(run), "steps": 100, "augmentation": {"flip": True}} | settings
    (run / "settings.yaml").write_text(yaml.safe_dump(settings))
    (run / "versions.json").write_text("{}")
    (run / "run.lock").touch()
    metrics = Metrics(run / "metrics.csv")
    for row in rows:
        metrics.write(int(row["step"]), {name: value for name, value in row.items() if name != "step"})
    metrics.close()
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run, a stopped one, a fine-tuning run, and four that are broken."""
    seconds = {"seconds/step": 2.0, "seconds/data": 0.5}
    make(
        tmp_path / "b" / "wide",
        [
            {"step": 0, "knn/class": 0.25},
            {"step": 10, "loss": 9.0, **seconds},
            {"step": 50, "knn/class": 0.5},
            {"step": 50, "loss": 3.0, "seconds/step": 1.0, "seconds/data": 0.0},
            {"step": 100, "knn/class": 0.4, "loss": 2.5},
        ],
        width=1.0,
    )
    (tmp_path / "b" / "wide" / "weights.safetensors").touch()
    make(
        tmp_path / "a",
        [{"step": 20, "loss": float("nan"), "knn/class": 0.75, **seconds}],
        width=0.25,
        seed=3,
        encoder="r3d18",
        augmentation={"flip": False},
    )
    make(tmp_path / "tuned", [{"step": 7, "loss": 1.0, "test/top1": 0.6}], encoder="[red]c3d[/]")
    settings = yaml.safe_load((tmp_path / "tuned" / "settings.yaml").read_text())
    (tmp_path / "tuned" / "settings.yaml").write_text(
        yaml.safe_dump({k: settings[k] for k in settings if k != "recipe"})
    )
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "run.lock").touch()
    (make(tmp_path / "text", []) / "settings.yaml").write_text("steps: [")
    (make(tmp_path / "list", []) / "settings.yaml").write_text("- 1\n")
    (make(tmp_path / "torn", [{"step": 1, "loss": 1.0}]) / "metrics.csv").write_text("step,loss\n1,2,3\n")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "settings.yaml").write_text("not: a run")
    return tmp_path


def rows(folder: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    runs.main([str(folder), "--json", *words])
    return {row["run"]: row for row in json.loads(capsys.readouterr().out)}


def table(folder: Path, **settings: Any) -> str:
    with redirect_stdout(io.StringIO()) as said:
        runs.run(runs.RunsSettings(folder=folder, **settings))
    return said.getvalue()


def test_every_run_is_listed_with_what_is_known_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(folder, capsys=capsys)
    assert list(found) == ["a", "b/wide", "begun", "list", "text", "torn", "tuned"]
    wide = found["b/wide"]
    assert (wide["recipe"], wide["state"], wide["step"], wide["steps"]) == ("hdc", "finished", 100, 100)
    assert (wide["loss"], wide["knn/class"]) == (2.5, {"best": 0.5, "step": 50})
    assert wide["seconds per step"] == pytest.approx((10 * 2 + 40 * 1) / 50)
    assert wide["waiting"] == pytest.approx(10 * 0.5 / (10 * 2 + 40 * 1))
    assert (found["a"]["state"], found["a"]["loss"], found["a"]["waiting"]) == ("stopped", None, 0.25)
    assert (found["tuned"]["recipe"], found["tuned"]["test/top1"]) == ("finetune", {"best": 0.6, "step": 7})


def test_broken_runs_say_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(folder, capsys=capsys)
    faults = {name: row["fault"] for name, row in found.items() if row["state"] == "damaged"}
    assert list(faults) == ["begun", "list", "text", "torn"]
    assert f"{folder / 'begun'} holds no settings.yaml; expected one in every run folder" in faults["begun"]
    assert "settings.yaml holds list, expected `name: value` lines" in faults["list"]
    assert "settings.yaml is not YAML (" in faults["text"]
    assert "metrics.csv is damaged" in faults["torn"]
    shown = table(folder)
    assert all(f"{name}: {fault}" in shown for name, fault in faults.items())


def test_the_table_is_whole_where_it_is_no_terminal(folder: Path) -> None:
    lines = [" ".join(line.split()) for line in table(folder).splitlines()]
    assert lines[0] == "run recipe state step loss best knn/class best test/top1 s per step waiting last written"
    (wide,) = [line for line in lines if line.startswith("b/wide")]
    assert wide.startswith("b/wide hdc finished 100 of 100 2.5 50.0% @ 50 – 1.2 8% 20")


def test_the_settings_that_differ_have_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(folder, "--settings", capsys=capsys)
    assert found["a"]["settings"] == {"width": 0.25, "encoder": "r3d18", "augmentation.flip": False}
    assert found["tuned"]["settings"] == {"width": None, "encoder": "[red]c3d[/]", "augmentation.flip": True}
    shown = table(folder, settings=True)
    assert "width" in shown.splitlines()[0]
    assert "[red]c3d[/]" in shown  # nothing in a name or value is taken for a style


@pytest.mark.parametrize(
    ("name", "first"),
    [("loss", "tuned"), ("knn/class", "a"), ("step", "b/wide"), ("width", "a"), ("seconds per step", "b/wide")],
)
def test_the_best_comes_first_and_what_is_unknown_last(
    name: str, first: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(rows(folder, "--settings", "--sort", name, capsys=capsys))
    assert found[0] == first
    assert len(found) == 7


def test_the_latest_written_comes_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (folder / "torn").iterdir():
        os.utime(path, (4e9, 4e9))
    assert next(iter(rows(folder, "--sort", "written", capsys=capsys))) == "torn"


def test_a_column_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"got --sort 'knn/clas'.*; did you mean 'knn/class'\?"):
        runs.main([str(folder), "--sort", "knn/clas"])
    with pytest.raises(SettingsError, match="there are: run, recipe, state"):
        runs.main([str(folder), "--sort", "zzzzzz"])


def test_a_run_is_running_while_its_lock_is_held_even_after_a_kill(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [sys.executable, "-c", HOLDER, str(folder / "a" / "run.lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert rows(folder / "a", capsys=capsys)["a"]["state"] == "running"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert rows(folder / "a", capsys=capsys)["a"]["state"] == "stopped"


@pytest.mark.parametrize(("step", "state"), [(60, "stopped"), (100, "finished")])
def test_a_finished_run_that_went_on_to_more_steps_is_not_finished(
    step: int, state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make(tmp_path / "a", [])
    save_file({"w": np.zeros(1)}, run / "weights.safetensors", {"unreel": json.dumps({"step": step})})
    assert rows(run, capsys=capsys)["a"]["state"] == state


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run folder; expected one as `unreel pretrain` leaves it at --out"):
        runs.main([str(tmp_path)])
    with pytest.raises(RunError, match="nowhere is no folder; expected a run folder, or one that holds run folders"):
        runs.main([str(tmp_path / "nowhere")])


def test_the_pace_of_the_last_laps() -> None:
    metrics: list[dict[str, int | float]] = [
        {"step": 10, "seconds/step": 9.0, "seconds/data": 9.0},
        {"step": 20, "seconds/step": 1.0, "seconds/data": 0.0},
        {"step": 20, "knn/class": 0.5},
        {"step": 50, "seconds/step": 3.0, "seconds/data": 1.0},
    ]
    seconds, waiting = pace(metrics, 2)
    assert seconds == pytest.approx((10 * 1 + 30 * 3) / 40)
    assert waiting == pytest.approx(30 * 1 / (10 * 1 + 30 * 3))
    assert pace([]) == (None, None)
