"""Encoders by name: what is built, and what is skipped."""

import math

import pytest

from unreel import models
from unreel.errors import SettingsError
from unreel.models.c3d import C3D
from unreel.models.r2plus1d import R2Plus1D10
from unreel.models.resnet import ResNet18, ZeroPaddedShortcut


@pytest.mark.parametrize(("name", "kind"), [("c3d", C3D), ("r3d18", ResNet18), ("r2plus1d10", R2Plus1D10)])
def test_every_name_builds_its_encoder(name: str, kind: type[models.Encoder]) -> None:
    assert type(models.build(name, width=0.0625)) is kind


def test_shortcut_a_is_built_where_asked_for() -> None:
    def padded(encoder: models.Encoder) -> int:
        return sum(isinstance(module, ZeroPaddedShortcut) for module in encoder.modules())

    assert padded(models.build("r3d18", width=0.0625, shortcut="A")) == 3
    assert padded(models.build("r3d18", width=0.0625)) == 0


def test_unknown_encoder() -> None:
    with pytest.raises(SettingsError, match="there is no encoder 'r3d81'; did you mean r3d18"):
        models.build("r3d81")


@pytest.mark.parametrize("name", ["c3d", "r2plus1d10"])
def test_shortcut_a_is_for_r3d18(name: str) -> None:
    with pytest.raises(
        SettingsError, match=f"shortcut 'A' is for r3d18 only, {name} has none of that kind; choose 'B'"
    ):
        models.build(name, shortcut="A")


@pytest.mark.parametrize("width", [0.0, -1.0, math.inf, math.nan])
def test_width_is_a_positive_number(width: float) -> None:
    with pytest.raises(SettingsError, match=r"width: got .*(greater|finite|less)"):
        models.build("c3d", width=width)
