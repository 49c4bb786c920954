"""Recipes: the rows of the paper's Tables 1, 2 and 3 and of Sec. 4.1, for each encoder, with their numbers."""

import pytest

from unreel import recipes
from unreel.console import show
from unreel.errors import SettingsError
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import pretraining

TABLE_1 = {  # method.md's reading of Table 1: (α, β) of levels 3, 4, 5 and the accuracy
    "sc": ((0, 0, 1), (0, 0, 0), "61.3"),
    "tc": ((0, 0, 0), (0, 0, 1), "62.7"),
    "sc+tc": ((0, 0, 1), (0, 0, 1), "65.5"),
    "two-level": ((0, 1, 1), (0, 1, 1), "66.9"),
    "two-level-weighted": ((0, 0.5, 1), (0, 0.5, 1), "67.8"),
    "three-level": ((1, 1, 1), (1, 1, 1), "66.8"),
    "hdc": ((0.25, 0.5, 1), (0.25, 0.5, 1), "69.0"),
    "scratch": ((0, 0, 0), (0, 0, 0), "43.5"),
}
SWITCHED_OFF = {  # Table 2, and the last paragraph of Sec. 4.1
    "no-colour-jitter": ({"colour_jitter"}, "65.4"),
    "no-channel-replication": ({"channel_replication"}, "61.0"),
    "no-colour-change": ({"colour_jitter", "channel_replication"}, "49.4"),
    "no-flip": ({"flip"}, "68.0"),
    "no-scale-jitter": ({"scale_jitter"}, "64.7"),
    "plain-temporal-view-c3d": ({"in_temporal_contrast"}, "68.9, 38.0"),
}
TABLE_3 = {
    "hdc": "68.5, 38.1",
    "hdc-slow": "69.8, 38.4",
    "hdc-c3d": "72.3, 39.3",
    "hdc-slow-c3d": "73.1, 39.5",
    "hdc-r2plus1d10": "76.2, 39.8",
    "hdc-slow-r2plus1d10": "76.8, 40.0",
    "scratch": "43.8, 19.1",
    "scratch-c3d": "51.4, 22.5",
    "scratch-r2plus1d10": "56.2, 22.0",
}


def _settings(name: str) -> HDCSettings:
    return HDCSettings.model_validate({"folder": "in", "out": "out", **recipes.changes(name)})


@pytest.mark.parametrize("name", TABLE_1)
def test_table_1(name: str) -> None:
    alpha, beta, accuracy = TABLE_1[name]
    settings = _settings(name)
    assert (settings.recipe, settings.alpha, settings.beta) == (name, alpha, beta)
    assert (settings.encoder.name, settings.encoder.norm, settings.batch_size) == ("r3d18", "instance", 128)
    assert accuracy in str(recipes.RECIPES[name].__doc__)


@pytest.mark.parametrize("name", SWITCHED_OFF)
def test_table_2_and_the_plain_temporal_view(name: str) -> None:
    switched_off, accuracy = SWITCHED_OFF[name]
    settings = _settings(name)
    defaults = AugmentationSettings()
    assert settings.augmentation == defaults.model_copy(update=dict.fromkeys(switched_off, False))
    assert all(getattr(defaults, each) for each in switched_off)
    assert settings.alpha == settings.beta == (0.25, 0.5, 1)
    assert accuracy in str(recipes.RECIPES[name].__doc__)


@pytest.mark.parametrize("name", TABLE_3)
def test_table_3(name: str) -> None:
    settings = _settings(name)
    assert settings.encoder.name == next((each for each in ("c3d", "r2plus1d10") if name.endswith(each)), "r3d18")
    assert settings.decay == (1e-5 if "slow" in name else 1e-4)
    assert TABLE_3[name] in str(recipes.RECIPES[name].__doc__)


def test_hdc_plus_is_hdc_on_what_moves_with_standardised_embeddings() -> None:
    paper, better = (_settings(name).model_dump() for name in ("hdc", "hdc-plus"))
    assert {name for name in paper if paper[name] != better[name]} == {"recipe", "encoder", "standardise"}


def test_every_row_has_every_encoder() -> None:
    for row in recipes.ROWS:
        encoders = [_settings(name).encoder.name for name in (row, f"{row}-c3d", f"{row}-r2plus1d10")]
        assert encoders == ["r3d18", "c3d", "r2plus1d10"]


def test_every_recipe_is_valid_and_described() -> None:
    for name, recipe in recipes.RECIPES.items():
        assert pretraining({"folder": "in", "out": "out", **recipes.changes(name)}, name).recipe == name
        assert recipe.__doc__


def test_rivals_are_listed_by_family_with_what_table_3_prints(capsys: pytest.CaptureFixture[str]) -> None:
    show(recipes.described())
    lines = capsys.readouterr().out.splitlines()
    shown = [line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in recipes.RIVALS]
    families = [recipes.RIVALS[name].family for name in dict.fromkeys(shown)]
    assert families == sorted(families, key=recipes.FAMILIES.index)
    assert set(shown) == set(recipes.RIVALS)
    text = " ".join(" ".join(lines).split())
    assert "72.4, 30.9 (own data)" in text and "77.1, 36.6" in text and "66.7, 43.7, I3D" in text


def test_the_list_shows_every_row_with_the_paper_s_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    show(recipes.described())
    lines = capsys.readouterr().out.splitlines()
    for name in [*recipes.ROWS, "hdc-small,"]:
        assert sum(line.split()[:1] == [name] for line in lines) == 1
    (hdc,) = (line for line in lines if line.split()[:1] == ["hdc"])
    assert all(number in hdc for number in ("69.0", "72.3", "76.2"))


def test_unknown_recipe() -> None:
    with pytest.raises(SettingsError, match=r"no recipe 'hcd'; did you mean hdc\?"):
        recipes.changes("hcd")


def test_every_row_has_a_small_recipe_that_makes_sense() -> None:
    assert len(recipes.SMALL_RECIPES) == (len(recipes.ROWS) + len(recipes.RIVALS)) * len(recipes.ENCODERS)
    for row in recipes.ROWS:
        for encoder in recipes.ENCODERS:
            name = recipes.named(row, encoder)
            whole = _settings(name)
            settings = _settings(f"{name}-small")
            assert (settings.encoder.name, settings.encoder.width, settings.encoder.size) == (encoder, 0.25, 56)
            assert settings.steps == (0 if row == "scratch" else 400)
            assert (settings.alpha, settings.beta, settings.augmentation) == (
                whole.alpha,
                whole.beta,
                whole.augmentation,
            )
