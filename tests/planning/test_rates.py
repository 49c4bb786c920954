"""Rates: what is measured is measured, and every one says where it comes from."""

from pathlib import Path

import pytest
from clips import Clip

from unreel import models
from unreel.errors import SettingsError
from unreel.models import Encoder
from unreel.planning import rates
from unreel.planning.rates import EncoderSpeed, decoding_documented, decoding_measured, files_documented, files_of
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

SMALL = EncoderSettings(width=0.0625, size=28, clip_length=8)


def test_pace_is_measured_once_for_each_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[EncoderSettings] = []
    build = models.build_from

    def noted(settings: EncoderSettings) -> Encoder:
        built.append(settings)
        return build(settings)

    monkeypatch.setattr(models, "build_from", noted)
    rates._seconds_per_clip.cache_clear()
    alone, shared = EncoderSpeed("cpu"), EncoderSpeed("cpu", threads=2)
    assert alone(SMALL) == alone(SMALL) == 2 * shared(SMALL) > 0
    assert built == [SMALL]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_learning_is_measured_here(precision: str) -> None:
    found = rates.learning_measured(SMALL, precision)
    assert found.per_second > 0
    assert found.source.startswith("measured here and now: ")
    assert precision in found.source


def test_a_share_of_a_peak() -> None:
    found = rates.learning_from_peak(1e12, "a100", 0.5)
    assert found.per_second == pytest.approx(156)
    assert found.source == "assumed: 50% of the 312 TFLOP/s (bf16, dense) of the A100's data sheet"
    assert rates.learning_from_peak(1e12, "RTX 4090", 1.0).per_second == pytest.approx(165)
    with pytest.raises(
        SettingsError, match=r"got --gpu 'abacus', expected one of A100, .*of others give --clips-per-sec"
    ):
        rates.learning_from_peak(1e12, "abacus", 0.5)


def test_documented_figures_go_by_the_pixels() -> None:
    whole, quarter = EncoderSettings(), EncoderSettings(size=56, clip_length=8)
    assert decoding_documented(whole).per_second == 740
    assert decoding_documented(quarter).per_second == pytest.approx(740 * 8)
    assert "by the pixels" in decoding_documented(quarter).source
    assert files_documented(whole, 10.0).size == pytest.approx(290_000)
    assert files_documented(quarter, 10.0).size == pytest.approx(72_500)
    assert "docs/speed.md" in files_documented(whole, 10.0).source


def test_a_prepared_folder_tells_sizes_and_rates(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    for number in range(2):
        Clip(width=96, height=80, frames=20 + 20 * number).write(videos / f"{number}.mp4")
    manifest = prepare(videos, tmp_path / "prepared", PrepareOptions(32))
    found = files_of(manifest)
    assert found.size == sum(path.stat().st_size for path in (tmp_path / "prepared").rglob("*.mp4")) / 2
    assert found.count == 2
    assert f"2 prepared videos of {tmp_path / 'prepared'}, 32 px" in found.source
    rate = decoding_measured(manifest, 8)
    assert rate.per_second > 0
    assert rate.source == f"measured here and now: one core, 2 videos of {manifest.root}"
    with pytest.raises(SettingsError, match="holds no prepared videos"):
        files_of(Manifest(tmp_path, ()))
