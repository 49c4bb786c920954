"""Weights that describe themselves; damaged or foreign files are skipped by name."""

import json
import pickle
import resource
from pathlib import Path

import pytest
import torch
from damage import flipped
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from unreel.checkpoint import WeightsHeader, load_encoder, read_weights, save_weights, untrained_encoder
from unreel.errors import CheckpointError
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings

SETTINGS = HDCSettings.model_validate({"folder": "in", "out": "out", "width": 0.0625, "size": 32, "seed": 5})
ORIGIN = WeightsHeader(SETTINGS.encoder_settings, "hdc", 5)


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


def _headed(path: Path, state: dict[str, torch.Tensor], **changes: object) -> Path:
    """A weights file whose header says other things, and has no checksum unless it is given one."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["unreel"])
    facts.pop("checksum")
    save_file(state, path, {"unreel": json.dumps(facts | changes)})
    return path


def test_equal_weights_are_equal_bytes_and_those_without_a_checksum_are_opened(weights: Path) -> None:
    content, read = weights.read_bytes(), read_weights(weights)
    save_weights(weights, dict(reversed(read.state.items())), read.origin, step=7)
    assert weights.read_bytes() == content
    before = load_encoder(weights)
    assert load_encoder(_headed(weights, read.state)).checkpoint == before.checkpoint


@given(place=st.floats(0, 1, exclude_max=True), header=st.booleans(), bit=st.integers(0, 7))
def test_a_flipped_bit_is_told(tmp_path_factory: pytest.TempPathFactory, place: float, header: bool, bit: int) -> None:
    path = tmp_path_factory.mktemp("flip") / "weights.safetensors"
    state = {"encoder.a": torch.arange(6.0).view(2, 3), "b": torch.ones(2, dtype=torch.bfloat16), "c": torch.tensor(3)}
    save_weights(path, state, ORIGIN, step=7)
    begin = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    assert begin < path.stat().st_size
    flipped(path, place * (begin / path.stat().st_size if header else 1), bit)
    with pytest.raises(CheckpointError, match=f"^{path} "):
        read_weights(path)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"encoder": {"width": 1e9}}, r"encoder\.width: Input should be less than or equal to 8, got 1000000000\.0"),
        ({"encoder": {"size": 10**12}}, r"encoder\.size: Input should be less than or equal to 1024"),
        ({"encoder": {"clip_length": -5}}, r"encoder\.clip_length: Input should be greater than or equal to 1"),
        ({"encoder": {"width": float("nan")}}, "encoder.width"),
        ({"encoder": {"name": "c3d", "shortcut": "A"}}, "names an encoder that cannot be: .* is for r3d18 only"),
        ({"encoder": {"name": "c3d", "clip_length": 4}}, "names an encoder that cannot be: C3D cannot encode"),
        ({"encoder": {"name": 3}}, "encoder.name"),
        ({"encoder": None}, "encoder: "),
        ({"seed": 2**70}, "seed: Input should be less than 4294967296"),
        ({"step": "seven"}, "step: Input should be a valid integer"),
        ({"classes": "word"}, "classes: Input should be a valid tuple"),
        ({"classes": {"a": 1}}, "classes: Input should be a valid tuple"),
        ({"recipe": None}, "recipe: Input should be a valid string"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
        ({"checksum": 5}, "checksum: Input should be a valid string"),
        ({"checksum": ""}, "is damaged: its weights are not those that were written"),
        ({"format": [1]}, r"has the format \[1\], expected 'unreel-weights-2'"),
    ],
)
def test_a_header_is_checked_by_its_schema(weights: Path, changes: dict[str, object], fault: str) -> None:
    known = SETTINGS.encoder_settings.model_dump()
    if isinstance(changes.get("encoder"), dict):
        changes = {"encoder": known | changes["encoder"]}  # type: ignore[operator]
    with pytest.raises(CheckpointError, match=f"{weights}.*{fault}") as caught:
        load_encoder(_headed(weights, read_weights(weights).state, **changes))
    assert "\n" not in str(caught.value)


def test_a_wide_encoder_of_few_weights_takes_no_memory(weights: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    encoder = SETTINGS.encoder_settings.model_dump() | {"width": 8.0}  # 8.5 GB
    with pytest.raises(
        CheckpointError, match=r"block2\.0\.conv1\.weight has \(4, 4, 3, 3, 3\), expected \(512, 512, 3"
    ):
        load_encoder(_headed(weights, read_weights(weights).state, encoder=encoder))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_weights_that_are_no_numbers_are_skipped(weights: Path) -> None:
    state = read_weights(weights).state
    state["encoder.stem.weight"] = torch.full_like(state["encoder.stem.weight"], torch.nan)
    save_weights(weights, state, ORIGIN, step=7)
    with pytest.raises(CheckpointError, match=r"holds weights that are no finite numbers, in 'encoder\.stem\.weight'"):
        read_weights(weights)


def test_numbers_of_strange_kinds_are_skipped(weights: Path) -> None:
    _headed(weights, {"encoder.a": torch.zeros(3, dtype=torch.complex64)})
    with pytest.raises(CheckpointError, match="holds numbers of the kind C64"):
        read_weights(weights)


def test_skipped(weights: Path, tmp_path: Path) -> None:
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
    save_weights(weights, state, WeightsHeader(wider, "hdc", 0), step=0)
    with pytest.raises(CheckpointError, match="does not fit the encoder it names"):
        load_encoder(weights)
