"""Weights that describe themselves; damaged or foreign files are refused by name."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from unreel.checkpoint import Origin, load_encoder, save_weights, untrained_encoder
from unreel.errors import CheckpointError
from unreel.methods import HDC
from unreel.settings.pretraining import PretrainSettings

SETTINGS = PretrainSettings.model_validate({"folder": "in", "out": "out", "width": 0.0625, "size": 32, "seed": 5})
ORIGIN = Origin(SETTINGS.encoder_settings, "hdc", 5)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(SETTINGS.seed)
    path = tmp_path / "weights.safetensors"
    save_weights(path, HDC(SETTINGS).state_dict(), ORIGIN, step=7)
    return path


def test_loads_from_a_file_and_from_its_run(weights: Path) -> None:
    for place in (weights, weights.parent):
        loaded = load_encoder(place)
        assert (loaded.name, loaded.seed, loaded.settings) == ("hdc", 5, SETTINGS.encoder_settings)
        assert not loaded.encoder.training
        assert not any(each.requires_grad for each in loaded.encoder.parameters())


def test_untrained_is_the_encoder_of_the_first_step(weights: Path) -> None:
    # the weights written above are those of step 0: nothing has been learned
    loaded = load_encoder(weights)
    state = torch.random.get_rng_state()
    untrained = untrained_encoder(loaded)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert untrained.name == "untrained"
    assert untrained.checkpoint == loaded.checkpoint


def test_the_checkpoint_hash_tells_weights_apart(weights: Path) -> None:
    changed = HDC(SETTINGS).state_dict()
    save_weights(weights.parent / "b.safetensors", changed, ORIGIN, step=8)
    assert load_encoder(weights.parent / "b.safetensors").checkpoint != load_encoder(weights).checkpoint


def test_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no weights: expected weights\.safetensors"):
        load_encoder(tmp_path / "nothing")
    (tmp_path / "malicious.safetensors").write_bytes(pickle.dumps({"encoder.stem.weight": 1}))
    with pytest.raises(CheckpointError, match=r"malicious\.safetensors is no safetensors file or is damaged"):
        load_encoder(tmp_path / "malicious.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors is no safetensors file or is damaged"):
        load_encoder(tmp_path / "cut.safetensors")
    save_file({"encoder.stem.weight": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="has the format None, expected 'unreel-weights-2'"):
        load_encoder(tmp_path / "foreign.safetensors")


def test_an_older_format_is_named(weights: Path) -> None:
    save_file({"encoder.stem.weight": torch.zeros(1)}, weights, {"unreel": "unreel-weights-1", "seed": "0"})
    with pytest.raises(CheckpointError, match="has the format 'unreel-weights-1', expected 'unreel-weights-2'"):
        load_encoder(weights)


def test_weights_can_be_read_by_whom_other_files_can_be_read(weights: Path) -> None:
    (weights.parent / "other").touch()
    assert weights.stat().st_mode == (weights.parent / "other").stat().st_mode


def test_weights_of_another_shape(weights: Path) -> None:
    wider = SETTINGS.encoder_settings.model_copy(update={"width": 0.125})
    state = HDC(SETTINGS).state_dict()
    save_weights(weights, state, Origin(wider, "hdc", 0), step=0)
    with pytest.raises(CheckpointError, match="does not fit the encoder it names"):
        load_encoder(weights)
