"""Trackers, with the real packages: what each holds after kills, resumes and failures, read with its own reader."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterable
from math import isnan, nan
from pathlib import Path
from time import sleep
from typing import Any

import mlflow
import pytest
import tracked
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from tracked import LOG, Tracked, write
from wandb.proto import wandb_internal_pb2

from unreel import extras
from unreel.errors import MissingExtraError, SettingsError
from unreel.training.metrics import Metrics, read_metrics
from unreel.training.trackers import check_trackers, open_trackers

FULL, LAST = 1, 4


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves this machine, and nothing of it outside the test's folder is read or written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    for name, value in {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def write_elsewhere(run: Path, steps: Iterable[int], *trackers: str, start: int, end: str = "finish") -> str:
    """The same in a process of its own, for kills and for W&B's processes; gives what it said."""
    words = [tracked.__file__, str(run), str(start), " ".join(map(str, steps)), end, *trackers]
    answer = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert answer.returncode == (-signal.SIGKILL if end == "be killed" else 0), answer.stderr
    return answer.stderr


TEN = [(step, 1 / (1 + step)) for step in range(10)]
ROUNDED = [(step, round(value, 6)) for step, value in TEN]


def in_csv(run: Path) -> list[tuple[int, float]]:
    return [(int(row["step"]), float(row["loss"])) for row in read_metrics(run)]


def in_tensorboard(run: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, round(event.value, 6)) for event in events.Scalars("loss")]


def in_mlflow(run: Path) -> list[tuple[int, float]]:
    identity = json.loads((run / "trackers.json").read_text())["mlflow"]
    history = mlflow.MlflowClient().get_metric_history(identity, "loss")
    return [(metric.step, metric.value) for metric in history]


def records(folder: Path) -> list[Any]:
    """All that an offline W&B run holds: a LevelDB log (blocks of 32 KiB; checksum, length and type before each part).

    W&B's own reader is no longer in Python; its messages are.
    """
    (path,) = folder.glob("*.wandb")
    content, place, message, found = path.read_bytes(), 7, b"", []
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # too little is left of the block for another part
            place += 32768 - place % 32768
        size, kind = struct.unpack_from("<HB", content, place + 4)
        message += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (FULL, LAST):
            found.append(wandb_internal_pb2.Record.FromString(message))  # type: ignore[attr-defined]
            message = b""
    return found


def in_wandb(folder: Path) -> list[tuple[int, float]]:
    rows = [
        {(item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item}
        for record in records(folder)
        if record.WhichOneof("record_type") == "history"
    ]
    return [(row["_step"], row["loss"]) for row in rows]


def test_tensorboard_and_the_table_after_a_kill_and_a_resume(run: Path) -> None:
    write_elsewhere(run, range(8), start=0, end="be killed")
    assert in_csv(run) == TEN[:8]
    assert in_tensorboard(run) == ROUNDED[:8]
    sleep(1)  # TensorBoard reads the files in the order of the seconds they were made in
    write(run, range(5, 10), start=4)
    assert in_csv(run) == TEN
    assert in_tensorboard(run) == ROUNDED


def test_a_run_that_begins_again_has_no_step_twice(run: Path) -> None:
    write(run, range(3), start=0, end="stop")
    sleep(1)  # as above
    write(run, range(10), start=0)
    assert in_csv(run) == TEN
    assert in_tensorboard(run) == ROUNDED


def test_mlflow_goes_on_with_its_run_after_a_kill(run: Path) -> None:
    write_elsewhere(run, range(8), "mlflow", start=0, end="be killed")
    identity = json.loads((run / "trackers.json").read_text())["mlflow"]
    client = mlflow.MlflowClient()
    assert client.get_run(identity).info.status == "RUNNING"
    write(run, range(5, 9), "mlflow", start=4, end="stop")
    assert client.get_run(identity).info.status == "KILLED"
    write(run, range(9, 10), "mlflow", start=8)
    assert in_mlflow(run) == TEN
    found = client.get_run(identity)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "run")
    assert found.data.params == {"trackers": "['mlflow']", "steps": "9", "augmentation.flip": "True"}
    assert [each.name for each in client.search_experiments()] == ["unreel", "Default"]


def test_mlflow_is_given_what_it_lacks(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Asked for only later; or the run folder was moved to where another server is."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    write(run, range(3), start=0, end="stop")
    write(run, range(3, 6), "mlflow", start=2, end="stop")
    assert in_mlflow(run) == TEN[:6]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "elsewhere").as_uri())
    write(run, range(6, 10), "mlflow", start=5)
    assert in_mlflow(run) == TEN
    assert mlflow.MlflowClient().get_experiment_by_name("mine") is not None


def test_mlflow_takes_odd_names_and_values(run: Path) -> None:
    with open_trackers(run, Tracked(trackers=("mlflow",)), LOG, 0) as opened:
        opened.write(1, {"knn/größe, [cm]": nan})
    identity = json.loads((run / "trackers.json").read_text())["mlflow"]
    (metric,) = mlflow.MlflowClient().get_metric_history(identity, "knn/größe_ _cm_")
    assert isnan(metric.value)


@pytest.mark.slow
def test_wandb_goes_on_with_its_run_and_its_last_offline_folder_holds_all(run: Path) -> None:
    write_elsewhere(run, range(8), "wandb", start=0, end="be killed")
    identity = json.loads((run / "trackers.json").read_text())["wandb"]
    write_elsewhere(run, range(5, 10), "wandb", start=4)
    assert json.loads((run / "trackers.json").read_text()) == {"wandb": identity}
    folders = sorted((run / "wandb").glob(f"offline-run-*-{identity}"))
    assert len(folders) == 2
    assert in_wandb(folders[1]) == TEN
    begun = next(record.run for record in records(folders[1]) if record.WhichOneof("record_type") == "run")
    ended = next(record.exit for record in records(folders[1]) if record.WhichOneof("record_type") == "exit")
    assert (begun.project, begun.display_name, ended.exit_code) == ("unreel", "run", 0)
    config = {item.key: json.loads(item.value_json) for item in begun.config.update}
    assert config["augmentation"] == {"flip": True}


@pytest.mark.slow
def test_wandb_passes_over_steps_before_its_last(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    write_elsewhere(run, (1, 5, 3, 5, 6), "wandb", start=0, end="stop")
    (folder,) = (run / "wandb").glob("offline-run-*")
    assert [step for step, _ in in_wandb(folder)] == [1, 5, 6]
    begun = next(record.run for record in records(folder) if record.WhichOneof("record_type") == "run")
    ended = next(record.exit for record in records(folder) if record.WhichOneof("record_type") == "exit")
    assert (begun.project, ended.exit_code) == ("mine", 1)  # training is to go on


@pytest.mark.slow
def test_a_tracker_that_dies_is_said_once_and_training_goes_on(run: Path) -> None:
    said = write_elsewhere(run, range(10), "wandb", start=0, end="lose services")
    assert in_csv(run) == TEN
    assert in_tensorboard(run) == ROUNDED
    (warning,) = [line for line in said.splitlines() if line.startswith("the tracker")]
    assert re.fullmatch(
        r"the tracker wandb failed \((ConnectionResetError|MailboxClosedError): .*\): training goes on without it, "
        "all figures are in metrics.csv; when the run is resumed they are given to it",
        warning,
    )


def test_a_server_that_is_gone_while_resuming_does_not_end_training(
    run: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run, range(3), "mlflow", start=0, end="stop")
    home = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    write(run, range(3, 5), "mlflow", start=2, end="stop")
    assert "the tracker mlflow failed (MlflowException: API request to http://127.0.0.1:9" in caplog.text
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home)
    write(run, range(5, 10), "mlflow", start=4)
    assert in_mlflow(run) == in_csv(run) == TEN


@pytest.mark.parametrize(
    ("name", "variable", "value", "said"),
    [
        ("mlflow", "MLFLOW_TRACKING_URI", "http://127.0.0.1:9", "MlflowException: API request"),
        ("mlflow", "MLFLOW_TRACKING_URI", "gopher://x", "UnsupportedModelRegistryStoreURIException"),
        ("wandb", "WANDB_MODE", "sideways", "ValidationError: 1 validation error"),
    ],
)
def test_a_tracker_that_never_worked_ends_the_run_before_it_starts(
    name: str, variable: str, value: str, said: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught, open_trackers(run, Tracked(trackers=(name,)), LOG, 0):
        raise AssertionError("opened")
    assert f"the tracker {name} cannot be used ({said}" in str(caught.value)
    assert str(caught.value).endswith(f"Mend its address or account, or leave {name} out of --trackers.")


def test_a_tensorboard_that_cannot_write_does_not_end_training(
    run: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with open_trackers(run, Tracked(), LOG, 0) as opened:
        opened.write(0, {"loss": 1.0})
        monkeypatch.setattr(SummaryWriter, "add_scalar", full)
        opened.write(1, {"loss": 0.5})
        opened.write(2, {"loss": 0.25})
    assert len(in_csv(run)) == 3
    assert caplog.text.count("the tracker tensorboard failed (OSError: [Errno 28] No space left on device)") == 1


def test_an_error_of_training_is_not_swallowed(run: Path) -> None:
    with pytest.raises(OSError, match="training"), open_trackers(run, Tracked(trackers=("mlflow",)), LOG, 0) as opened:
        opened.write(0, {"loss": 1.0})
        raise OSError("training")
    identity = json.loads((run / "trackers.json").read_text())["mlflow"]
    assert mlflow.MlflowClient().get_run(identity).info.status == "KILLED"
    metrics = Metrics(run / "metrics.csv")  # was closed and can be gone on with
    metrics.write(1, {"loss": 0.5})
    metrics.close()
    assert in_csv(run) == TEN[:2]


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(extras, "import_module", missing)
    check_trackers([])
    with pytest.raises(MissingExtraError, match=r"pip install 'unreel\[wandb\]'"):
        check_trackers(["wandb"])
