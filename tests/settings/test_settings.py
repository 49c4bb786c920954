"""Settings: written and read back equal, faults named with the nearest right name."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from unreel import cli
from unreel.errors import SettingsError
from unreel.settings.encoder import EncoderSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import Settings, read_settings, validated, written

VALUES = {"folder": "videos", "out": "run"}


def test_written_settings_read_back_equal(tmp_path: Path) -> None:
    changes = {"alpha": (0.1, 0.2, 0.3), "augmentation": {"flip": False}, "group_pattern": "([a-z]+)_"}
    settings = HDCSettings.model_validate(VALUES | changes)
    (tmp_path / "settings.yaml").write_text(written(settings))
    assert read_settings(HDCSettings, tmp_path / "settings.yaml") == settings


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
            r"used: alpha and beta are all 0, so 10000 steps have nothing to learn; ",
        ),
    ],
)
def test_faults_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        validated(HDCSettings, VALUES | changes, "somewhere")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="out: missing; it has no default"):
        validated(HDCSettings, {"folder": "videos"}, "somewhere")


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(HDCSettings, file)
    file.write_text("- a list")
    with pytest.raises(SettingsError, match=r"holds list, expected `name: value` lines"):
        read_settings(HDCSettings, file)
    file.write_text("a: [")
    with pytest.raises(SettingsError, match="is not YAML"):
        read_settings(HDCSettings, file)


def test_the_paper_prepares_at_128_for_112() -> None:
    assert EncoderSettings(size=112).prepared_side == 128
    assert EncoderSettings(size=56).prepared_side == 64


def _all_settings(kind: type[Settings] = Settings) -> Iterator[type[Settings]]:
    for each in kind.__subclasses__():
        yield each
        yield from _all_settings(each)


def _without_largest(schema: object, place: str) -> Iterator[str]:
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number") and not {"maximum", "exclusiveMaximum", "enum"} & schema.keys():
            yield place
        for name, value in schema.items():
            yield from _without_largest(value, f"{place}.{name}")
    elif isinstance(schema, list):
        for value in schema:
            yield from _without_largest(value, place)


def _of_every_verb() -> set[type[Settings]]:
    for module in iter_modules(cli.__path__):
        import_module(f"unreel.cli.{module.name}")
    kinds = {kind for kind in _all_settings() if kind.__module__.startswith("unreel.")}
    assert len(kinds) > 30
    return kinds


def test_every_option_of_every_verb_is_explained() -> None:
    options = {kind for kind in _of_every_verb() if not kind.__name__.startswith("_")}
    fields = [(kind.__name__, *each) for kind in options for each in kind.model_fields.items()]
    assert [f"{kind}.{name}" for kind, name, field in fields if not field.description] == []


def test_every_number_of_every_verb_has_a_largest() -> None:
    kinds = _of_every_verb()
    assert [place for kind in kinds for place in _without_largest(kind.model_json_schema(), kind.__name__)] == []


@pytest.mark.parametrize("number", [10**30, 1e308, float("inf"), float("nan"), -1])
@pytest.mark.parametrize("name", ["width", "clip_length", "batch_size", "steps", "size", "loader_workers", "devices"])
def test_numbers_beyond_sense_are_told_in_a_line(name: str, number: float) -> None:
    with pytest.raises(
        SettingsError, match=rf"^somewhere: 1 setting\(s\) cannot be used: {name}: got .*: (Input|Unable)"
    ) as caught:
        validated(HDCSettings, VALUES | {name: number}, "somewhere")
    assert "\n" not in str(caught.value)


def test_the_largest_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("folder: a\nout: b\nwidth: 9\n" + "".join(f"x{n}: 1\n" for n in range(50)))
    with pytest.raises(SettingsError) as caught:
        read_settings(HDCSettings, tmp_path / "settings.yaml")
    said = str(caught.value)
    assert "51 setting(s) cannot be used: width: got 9: Input should be less than or equal to 8; x0: no such" in said
    assert said.endswith("and 46 more")
