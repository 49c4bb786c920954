"""Encoders that come with unreel: found by their names, described, small, and as good as runs of one's own."""

from pathlib import Path

import pytest
import torch

from unreel.checkpoint import WeightsHeader, load_encoder, place_of, publish, save_weights
from unreel.checkpoint.shipped import FOLDER, names
from unreel.errors import CheckpointError
from unreel.models import build_from
from unreel.settings.encoder import BASELINES, EncoderSettings

MEGABYTES = 10


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", names())
def test_a_published_encoder_embeds_and_is_described(name: str) -> None:
    loaded = load_encoder(Path(name))
    size, frames = loaded.settings.size, loaded.settings.clip_length
    with torch.no_grad():
        features = loaded.encoder(torch.rand(2, 3, frames, size, size))[loaded.encoder.top]
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    files = list((FOLDER / name).iterdir())
    assert {file.name for file in files} == {"README.md", "weights.safetensors"}
    assert sum(file.stat().st_size for file in files) < MEGABYTES * 10**6
    card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert f"`{loaded.checkpoint}`" in card
    assert all(word in card for word in ("## Data", "## Licence", "## Figures"))


def test_street651_small_and_what_learns_nothing_are_published() -> None:
    assert names() == sorted(["street651-small", *BASELINES])


def test_what_lies_here_comes_first_and_paths_are_no_names(tmp_path: Path) -> None:
    assert place_of(Path("street651-small")) == FOLDER / "street651-small"
    assert place_of(Path("elsewhere/street651-small")) == Path("elsewhere/street651-small")
    (tmp_path / "street651-small").mkdir()
    assert place_of(Path("street651-small")) == Path("street651-small")


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(CheckpointError, match=r"an encoder that comes with unreel: .*street651-small"):
        load_encoder(Path("street651-large"))


def test_what_is_published_is_the_encoder_to_three_digits(tmp_path: Path) -> None:
    settings = EncoderSettings(width=0.0625, size=28, clip_length=8)
    encoder = build_from(settings)
    state = {f"encoder.{name}": each for name, each in encoder.state_dict().items()}
    save_weights(
        tmp_path / "weights.safetensors", state | {"other": torch.ones(1)}, WeightsHeader(settings, "hdc", 0), step=7
    )
    publish(tmp_path / "weights.safetensors", tmp_path / "small" / "weights.safetensors")
    loaded = load_encoder(tmp_path / "small")
    for name, each in loaded.encoder.state_dict().items():
        assert each.dtype == torch.float32
        torch.testing.assert_close(each, encoder.state_dict()[name], rtol=2**-8, atol=0)
    sizes = [(tmp_path / where / "weights.safetensors").stat().st_size for where in ("", "small")]
    assert sizes[1] < 0.6 * sizes[0]
