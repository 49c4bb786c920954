"""Checkpoints: they come back to the last bit, and what is cut, flipped, foreign or malicious is skipped by name."""

import json
import pickle
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from unreel.checkpoint import TrainingState, WeightsHeader, load_checkpoint, load_encoder, save_checkpoint
from unreel.checkpoint.state import _own_checksum, best_score, checkpoints, prune
from unreel.engine.files import sha256_of
from unreel.errors import CheckpointError
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings

SETTINGS = HDCSettings.model_validate({"folder": "in", "out": "out", "width": 0.0625, "size": 32})
ORIGIN = WeightsHeader(SETTINGS.encoder_settings, "hdc", 0)
FILES = ("weights.safetensors", "optimizer.safetensors", "state.json")


def _state(step: int = 7, score: float | None = None) -> TrainingState:
    numbers = {"param_groups": [{"lr": 0.1 / 3, "params": [0, 1], "foreach": None}]}
    velocity = {0: {"momentum_buffer": torch.tensor([0.1, torch.inf])}, 1: {"momentum_buffer": torch.zeros(2, 3)}}
    weights = {"encoder.a": torch.tensor([1.0, -0.0]), "b": torch.full((2, 3), 1e-30)}
    return TrainingState(step, weights, {"state": velocity, **numbers}, {"scale": 65536.0}, score)


def _same(first: Tensor, second: Tensor) -> bool:
    return first.dtype == second.dtype and first.numpy().tobytes() == second.numpy().tobytes()


def test_all_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    state = _state(score=0.1 + 0.2)
    path = save_checkpoint(tmp_path, state, ORIGIN)
    found = load_checkpoint(path)
    assert path.name == "step-000007"
    assert sorted(each.name for each in path.iterdir()) == sorted(FILES)
    assert (found.step, found.score, found.scaler) == (7, 0.1 + 0.2, {"scale": 65536.0})
    assert found.weights.keys() == state.weights.keys()
    assert all(_same(found.weights[name], each) for name, each in state.weights.items())
    assert found.optimizer["param_groups"] == state.optimizer["param_groups"]
    velocities = zip(found.optimizer["state"].items(), state.optimizer["state"].items(), strict=True)
    for (number, found_values), (expected_number, values) in velocities:
        assert number == expected_number
        assert _same(found_values["momentum_buffer"], values["momentum_buffer"])


@pytest.mark.parametrize("kind", [lambda layer: SGD(layer, 0.1, 0.9), lambda layer: Adam(layer, 0.1)])
def test_an_optimiser_goes_on_as_if_nothing_had_been(tmp_path: Path, kind: Callable[..., Optimizer]) -> None:
    def moved(layer: nn.Linear, optimizer: Optimizer) -> None:
        optimizer.zero_grad()
        layer(torch.arange(3.0)).square().sum().backward()
        optimizer.step()

    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = kind(first.parameters())
    moved(first, optimizer)
    path = save_checkpoint(tmp_path, TrainingState(1, first.state_dict(), optimizer.state_dict()), ORIGIN)
    state = load_checkpoint(path)
    again = kind(second.parameters())
    second.load_state_dict(state.weights)
    again.load_state_dict(state.optimizer)
    moved(first, optimizer)
    moved(second, again)
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), second.parameters(), strict=True))


@given(name=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_flipped_bit_and_a_cut_are_noticed(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, bit: int, cut: bool
) -> None:
    path = save_checkpoint(tmp_path_factory.mktemp("flip"), _state(), ORIGIN)
    content = bytearray((path / name).read_bytes())
    at = int(place * len(content))
    changed = content[:at] if cut else content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]
    (path / name).write_bytes(changed)
    try:
        found = load_checkpoint(path)
    except CheckpointError as error:
        assert str(path) in str(error)
        assert "Resume from the one before it with --resume previous." in str(error)
    else:  # blanks between the words of JSON carry nothing
        assert name == "state.json"
        assert json.loads(changed) == json.loads(content)
        assert found.step == 7


def test_malicious_files_are_refused_and_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return exec, (f"open({str(tmp_path / 'exploded')!r}, 'w')",)

    for name in FILES:
        path = save_checkpoint(tmp_path / name, _state(), ORIGIN)
        (path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(
            CheckpointError, match=rf"{path}/{name} (is no safetensors file or is damaged|cannot be used|is no text)"
        ):
            load_checkpoint(path)
        torch.save({"weights": Bomb()}, path / name)
        with pytest.raises(CheckpointError, match=str(path)):
            load_checkpoint(path)
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_with_the_right_checksum_is_refused_too(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, _state(), ORIGIN)
    (path / FILES[0]).write_bytes(pickle.dumps({"encoder.a": 1}))
    content = json.loads((path / FILES[2]).read_text())
    content.pop("checksum")
    content["files"][FILES[0]] = sha256_of(path / FILES[0])
    (path / FILES[2]).write_text(json.dumps(content | {"checksum": _own_checksum(content)}))
    with pytest.raises(CheckpointError, match=r"is damaged \(.*[Hh]eader"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    path = save_checkpoint(tmp_path, _state(), ORIGIN)
    (path / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{path}/{name} cannot be read \(No such file"):
        load_checkpoint(path)


def test_another_format(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, _state(), ORIGIN)
    content = json.loads((path / FILES[2]).read_text()) | {"format": "unreel-checkpoint-99"}
    content.pop("checksum")
    (path / FILES[2]).write_text(json.dumps(content | {"checksum": _own_checksum(content)}))
    with pytest.raises(CheckpointError, match="has the format 'unreel-checkpoint-99', expected 'unreel-checkpoint-1'"):
        load_checkpoint(path)


def test_the_newest_and_the_best_are_kept_and_nothing_unfinished(tmp_path: Path) -> None:
    for step, score in ((1, 0.3), (2, 0.9), (3, 0.9), (4, None), (10, 0.1), (5, None)):
        save_checkpoint(tmp_path, _state(step, score), ORIGIN)
    shutil.copytree(tmp_path / "step-000004", tmp_path / "step-000006-0123abcd.unfinished")
    (tmp_path / "step-000009.damaged").mkdir()
    assert best_score(tmp_path) == 0.9
    prune(tmp_path, 2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000002", "step-000005", "step-000010"]
    assert (tmp_path / "step-000009.damaged").exists()
    assert not list(tmp_path.glob("*.unfinished"))


def test_an_encoder_is_loaded_from_a_checkpoint_and_an_unfinished_run_names_one(tmp_path: Path) -> None:
    weights = HDC(SETTINGS).state_dict()
    optimizer: dict[str, object] = {"state": {}, "param_groups": []}
    path = save_checkpoint(tmp_path / "checkpoints", TrainingState(3, weights, optimizer), ORIGIN)
    assert load_encoder(path).name == "hdc"
    with pytest.raises(CheckpointError, match=rf"The run is not finished; its newest checkpoint is {path}: name that"):
        load_encoder(tmp_path)


def test_a_full_disk_leaves_the_checkpoint_before_and_nothing_else(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, _state(1), ORIGIN)
    code = f"""
import resource, signal, sys, torch
from pathlib import Path
from unreel.checkpoint import WeightsHeader, TrainingState, save_checkpoint
from unreel.errors import CheckpointError
from unreel.settings.encoder import EncoderSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))
state = TrainingState(2, {{"a": torch.zeros(100_000)}}, {{"state": {{}}, "param_groups": []}})
try:
    save_checkpoint(Path(sys.argv[1]), state, WeightsHeader(EncoderSettings(), "hdc", 0))
except CheckpointError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert f"{tmp_path / 'step-000002'} cannot be written: " in output
    assert "Checkpoints written before are whole: run the same command again" in output
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
    assert load_checkpoint(tmp_path / "step-000001").step == 1
