"""Settings of fine-tuning: what describes the encoder comes from its weights, and is never contradicted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import SettingsError
from unreel.settings.encoder import EncoderSettings
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated

VALUES = {"folder": "videos", "out": "run"}
OPTIONS = ("encoder", "width", "norm", "shortcut", "input", "size", "clip_length")
FOUND = EncoderSettings(name="c3d", width=0.5, norm="batch", size=56, clip_length=8)


def test_the_defaults_are_those_of_the_paper() -> None:
    settings = FinetuneSettings.model_validate(VALUES)
    assert (settings.learning_rate, settings.momentum, settings.decay, settings.l2) == (0.01, 0.9, 1e-4, 5e-5)
    assert (settings.batch_size, settings.dropout, settings.layer_decay) == (32, 0.5, 1.0)
    views = settings.augmentation
    assert (views.crop, views.scale_jitter, views.flip) == (True, True, True)
    assert (views.colour_jitter, views.channel_replication) == (False, False)
    assert settings.resolved(None).encoder_settings == EncoderSettings()


@given(given_options=st.sets(st.sampled_from(OPTIONS)))
def test_what_is_given_and_the_weights_have_too_changes_nothing(given_options: set[str]) -> None:
    found = {"encoder": FOUND.name, **FOUND.model_dump(exclude={"name"})}
    settings = FinetuneSettings.model_validate(VALUES | {name: found[name] for name in given_options})
    resolved = settings.resolved(FOUND)
    assert resolved.encoder_settings == FOUND
    changed = {name for name in FinetuneSettings.model_fields if getattr(settings, name) != getattr(resolved, name)}
    assert changed == {"encoder"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": "r3d18"}, "encoder is 'r3d18', but the encoder of w has 'c3d'. Leave encoder away"),
        ({"width": 1.0}, "width is 1.0, but the encoder of w has 0.5"),
        ({"norm": "instance"}, "norm is 'instance', but the encoder of w has 'batch'"),
        ({"shortcut": "A"}, "shortcut is 'A', but the encoder of w has 'B'"),
        ({"input": "difference"}, "input is 'difference', but the encoder of w has 'rgb'"),
        ({"size": 112}, "size is 112, but the encoder of w has 56"),
        ({"clip_length": 16}, "clip_length is 16, but the encoder of w has 8"),
    ],
)
def test_what_contradicts_the_weights_is_skipped(changes: dict[str, object], message: str) -> None:
    settings = FinetuneSettings.model_validate(VALUES | {"weights": "w"} | changes)
    with pytest.raises(SettingsError, match=message):
        settings.resolved(FOUND)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "1", "test_groups": ("a", "b")}, r"split is '1' and test_groups are a, b, expected one of them"),
        ({"split": "1", "test_fold": (1, 3)}, r"split is '1' and test_fold is \(1, 3\), expected one of them"),
        ({"test_fold": (4, 3)}, "test_fold is 4 of 3, expected a number from 1 to that of the folds, 2 or more"),
        ({"test_fold": (1, 1)}, "test_fold is 1 of 1, expected a number from 1 to that of the folds, 2 or more"),
        ({"norm": "batch", "accumulate": 2}, "norm is batch, whose statistics would count every clip twice"),
        ({"frozen_levels": -1}, "frozen_levels: got -1: .*greater than or equal to 0"),
        ({"dropout": 1.0}, "dropout: got 1.0: .*less than 1"),
        ({"layer_decay": 0.0}, "layer_decay: got 0.0: .*greater than 0"),
    ],
)
def test_what_makes_no_sense_is_skipped(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        validated(FinetuneSettings, VALUES | changes, "somewhere")


def test_batch_norm_of_the_weights_is_not_accumulated_either() -> None:
    settings = FinetuneSettings.model_validate(VALUES | {"weights": "w", "accumulate": 2})
    with pytest.raises(SettingsError, match="norm is batch, whose statistics would count every clip twice"):
        settings.resolved(FOUND)
