"""Settings: written and read back equal, faults named with the nearest right name."""

from pathlib import Path

import pytest

from unreel.errors import SettingsError
from unreel.settings.model import read_settings, validated, written
from unreel.settings.pretraining import EncoderSettings, PretrainSettings

VALUES = {"folder": "videos", "out": "run"}


def test_written_settings_read_back_equal(tmp_path: Path) -> None:
    changes = {"alpha": (0.1, 0.2, 0.3), "augmentation": {"flip": False}, "group_pattern": "([a-z]+)_"}
    settings = PretrainSettings.model_validate(VALUES | changes)
    (tmp_path / "settings.yaml").write_text(written(settings))
    assert read_settings(PretrainSettings, tmp_path / "settings.yaml") == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lerning_rate": 1}, "lerning_rate: no such setting; did you mean learning_rate?"),
        ({"augmentation": {"flipp": 1}}, r"augmentation.flipp: no such setting; did you mean flip\?"),
        ({"zzz": 1}, "zzz: no such setting; there are: folder, out, resume, steps"),
        ({"batch_size": 1}, "batch_size: got 1: .*greater than or equal to 2"),
        ({"encoder": "r3d81"}, "encoder: got 'r3d81': .*r3d18"),
        ({"steps": -1, "momentum": 1}, r"2 setting\(s\) cannot be used"),
        (
            {"alpha": (0, 0, 0), "beta": (0, 0, 0)},
            r"\n  alpha and beta are all 0, so 10000 steps have nothing to learn; ",
        ),
    ],
)
def test_faults_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        validated(PretrainSettings, VALUES | changes, "somewhere")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="out: missing; it has no default"):
        validated(PretrainSettings, {"folder": "videos"}, "somewhere")


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(PretrainSettings, file)
    file.write_text("- a list")
    with pytest.raises(SettingsError, match=r"holds list, expected `name: value` lines"):
        read_settings(PretrainSettings, file)
    file.write_text("a: [")
    with pytest.raises(SettingsError, match="is not YAML"):
        read_settings(PretrainSettings, file)


def test_the_paper_prepares_at_128_for_112() -> None:
    assert EncoderSettings(size=112).prepared_side == 128
    assert EncoderSettings(size=56).prepared_side == 64
