"""Settings that every pretraining run has, whatever its method."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import tyro
from pydantic import model_validator

from unreel import plugins
from unreel.errors import SettingsError
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.encoder import EncoderSettings, nested
from unreel.settings.model import Count, read_values, validated
from unreel.settings.training import TrainingSettings, check_statistics

METHODS = {
    "hdc": "unreel.methods.hdc:HDC",
    "rotnet": "unreel.methods.rotnet:RotNet",
    "vcop": "unreel.methods.vcop:ClipOrder",
    "pace": "unreel.methods.pace:Pace",
    "cvrl": "unreel.methods.cvrl:CVRL",
    "cloze": "unreel.methods.cloze:Cloze",
    "opn": "unreel.methods.opn:OPN",
    "shuffle-learn": "unreel.methods.shuffle_learn:ShuffleLearn",
    "speednet": "unreel.methods.speednet:SpeedNet",
    "playback": "unreel.methods.playback:Playback",
    "puzzle": "unreel.methods.puzzle:Puzzle",
    "moco": "unreel.methods.moco:MoCo",
    "rspnet": "unreel.methods.rspnet:RSPNet",
    "byol": "unreel.methods.byol:BYOL",
    "dpc": "unreel.methods.dpc:DPC",
    "pace-contrast": "unreel.methods.pace_contrast:PaceContrast",
    "tclr": "unreel.methods.tclr:TCLR",
    "statistics": "unreel.methods.statistics:Statistics",
    "ccl": "unreel.methods.ccl:CCL",
    "order-adaptive": "unreel.methods.order_adaptive:AdaptiveOrder",
    "videomoco": "unreel.methods.videomoco:VideoMoCo",
}
"""Where the methods that come with unreel lie, by name."""
SETTINGS = {
    "hdc": "unreel.settings.hdc:HDCSettings",
    "rotnet": "unreel.settings.rivals:RotNetSettings",
    "vcop": "unreel.settings.rivals:ClipOrderSettings",
    "pace": "unreel.settings.rivals:PaceSettings",
    "cvrl": "unreel.settings.rivals:CVRLSettings",
    "cloze": "unreel.settings.rivals:ClozeSettings",
    "opn": "unreel.settings.rivals:OPNSettings",
    "shuffle-learn": "unreel.settings.rivals:ShuffleLearnSettings",
    "speednet": "unreel.settings.rivals:SpeedNetSettings",
    "playback": "unreel.settings.rivals:PlaybackSettings",
    "puzzle": "unreel.settings.rivals:PuzzleSettings",
    "moco": "unreel.settings.rivals:MoCoSettings",
    "rspnet": "unreel.settings.rivals:RSPNetSettings",
    "byol": "unreel.settings.rivals:BYOLSettings",
    "dpc": "unreel.settings.rivals:DPCSettings",
    "pace-contrast": "unreel.settings.rivals:PaceContrastSettings",
    "tclr": "unreel.settings.rivals:TCLRSettings",
    "statistics": "unreel.settings.rivals:StatisticsSettings",
    "ccl": "unreel.settings.rivals:CCLSettings",
    "order-adaptive": "unreel.settings.rivals:AdaptiveOrderSettings",
    "videomoco": "unreel.settings.rivals:VideoMoCoSettings",
}
"""Where their settings lie, which need no torch."""


class PretrainSettings(TrainingSettings):
    """Pretrain an encoder on a folder of videos, without labels.

    Labels (folder names or labels.csv) and groups are used for the k-NN curve only, never for learning.

    --recipe NAME starts from named settings (--list-recipes shows them), --config RUN/settings.yaml from those of an
    earlier run, --method from a method's own; all other options change what they say.
    """

    changeable: ClassVar[frozenset[str]] = TrainingSettings.changeable | {"knn_every", "knn_folder"}

    method: tyro.conf.Fixed[str] = "hdc"
    """What is learnt, and how: the name of a method, or FILE.py:CLASS."""
    recipe: tyro.conf.Fixed[str] = "hdc"
    """Name of the settings started from."""
    exclude: str | None = None
    """Regular expression: no video in whose path it is found is learnt from."""
    encoder: tyro.conf.OmitArgPrefixes[EncoderSettings] = EncoderSettings()
    """The encoder, and what it is shown."""
    min_frames: Count = 0
    """Frames below which a video is left out, where the method would do with fewer: so that several learn from the
    same ones."""
    knn_every: Count = 1000
    """Steps between k-NN evaluations by labels (leave one out, R@1); 0: none."""
    knn_folder: Path | None = None
    """Labelled videos that k-NN evaluates; default: those learnt from, where they have labels."""
    augmentation: AugmentationSettings = AugmentationSettings()
    """The transformations that views are drawn from."""

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: object) -> object:
        return nested(values)

    @model_validator(mode="after")
    def _statistics_counted_once(self) -> "PretrainSettings":
        check_statistics(self)
        return self

    @property
    def encoder_settings(self) -> EncoderSettings:
        """The part that describes the encoder."""
        return self.encoder


def settings_kind(method: str) -> type[PretrainSettings]:
    """The settings of a method; those that come with unreel are found without importing torch.

    Raises:
        SettingsError: there is no such method, or it has no settings made from `PretrainSettings`.
    """
    found = plugins.load("methods", method, SETTINGS, object)
    kind = found if method in SETTINGS else getattr(found, "settings_kind", None)
    if not (isinstance(kind, type) and issubclass(kind, PretrainSettings)):
        raise SettingsError(
            f"the method {method} has no settings: expected an attribute settings_kind, a class made from "
            "PretrainSettings. See docs/extending.md."
        )
    return kind


def pretraining(values: Mapping[str, Any], origin: str) -> PretrainSettings:
    """Settings of the method that plain values name; `origin` names where they came from, in errors.

    Raises:
        SettingsError: there is no such method, or a value is unknown, missing or makes no sense.
    """
    return validated(settings_kind(str(values.get("method", "hdc"))), values, origin)


def read_pretraining(path: Path) -> PretrainSettings:
    """Settings of a pretraining, from its YAML file.

    Raises:
        SettingsError: as `pretraining`, or the file is missing or no YAML mapping.
    """
    return pretraining(read_values(path), str(path))


def read_shared(path: Path) -> PretrainSettings:
    """The same to be shown only: of a method of others, which is not imported, the settings that all have.

    Raises:
        SettingsError: as `read_pretraining`.
    """
    values = read_values(path)
    if values.get("method", "hdc") in SETTINGS:
        return pretraining(values, str(path))
    known = {*PretrainSettings.model_fields, *EncoderSettings.model_fields}
    return validated(PretrainSettings, {name: each for name, each in values.items() if name in known}, str(path))
