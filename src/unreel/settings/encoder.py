"""Settings of an encoder: what is needed to build it again and to feed it."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import tyro
from pydantic import BaseModel, Field, create_model, field_validator, model_validator
from pydantic.fields import FieldInfo

from unreel import plugins
from unreel.errors import SettingsError
from unreel.settings.model import PositiveAmount, Settings

ENCODERS = {
    "c3d": "unreel.models.c3d:C3D",
    "r3d18": "unreel.models.resnet:ResNet18",
    "r2plus1d10": "unreel.models.r2plus1d:R2Plus1D10",
}
"""Where the encoders of the paper lie, by name."""
BASELINES = {
    "motion-map": "unreel.models.motion_map:MotionMap",
    "mean-frame": "unreel.models.mean_frame:MeanFrame",
    "colour-histogram": "unreel.models.colour_histogram:ColourHistogram",
}
"""Where those lie that learn nothing."""
BUILTIN = {**ENCODERS, **BASELINES}
INPUT = ("size", "clip_length", "frame_step", "frame_rate")
"""The settings of an encoder that say which clips it is shown, whatever it is."""

Width = Annotated[float, Field(gt=0, le=8)]
Size = Annotated[int, Field(ge=16, le=1024)]
ClipLength = Annotated[int, Field(ge=1, le=1024)]
FrameStep = Annotated[int, Field(ge=1, le=10_000)]
Shortcut = Literal["A", "B"]
Input = Literal["rgb", "difference"]


class EncoderSettings(Settings):
    """Everything needed to build an encoder again and to feed it; stored beside its weights."""

    name: Annotated[str, tyro.conf.arg(name="encoder")] = "r3d18"
    """Architecture of the encoder: c3d, r3d18 (3D-ResNet18) or r2plus1d10 (R(2+1)D-10), one that an installed package
    offers, or your own: FILE.py:CLASS. motion-map, mean-frame and colour-histogram learn nothing: for evaluating
    only."""
    width: Width = 1.0
    """Factor on the encoder's channels: 0.25 for small machines."""
    norm: Literal["instance", "batch"] = "instance"
    """Normalisation layers; the paper's encoders have instance norm."""
    shortcut: Shortcut = "B"
    """Shortcut of r3d18 where the shape changes: B a 1×1×1 convolution, A subsampling and zero channels."""
    input: Input = "rgb"
    """What the encoder sees of a clip: its frames, as in the paper, or of each frame the difference to the next: what
    moves, and nothing of a camera's still background."""
    size: Size = 112
    """Height and width of the encoder's input in pixels."""
    clip_length: ClipLength = 16
    """Frames of a clip."""
    frame_step: FrameStep = 1
    """Frames of the video from one frame of a clip to the next: 4 shows four times as long a time."""
    frame_rate: PositiveAmount | None = None
    """Frames a second of a clip, whatever the video's rate: videos of mixed rates then move alike. Default: every
    frame_step-th frame."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            plugins.check("encoders", name, BUILTIN)
        except SettingsError as error:
            raise ValueError(str(error)) from None
        return name

    @model_validator(mode="after")
    def _one_time_scale(self) -> "EncoderSettings":
        if self.frame_rate is not None and self.frame_step != 1:
            raise ValueError(
                f"frame_step is {self.frame_step} and frame_rate {self.frame_rate:g}, expected one of them: both say "
                "how much time a clip shows"
            )
        return self

    @property
    def prepared_side(self) -> int:
        """The shorter side to prepare videos at: 128 pixels for an input of 112, as in the paper, and always even."""
        return 2 * ceil(self.size * 8 / 7 / 2)


def _left_open(field: FieldInfo) -> Any:
    """The type of a field, or None."""
    kind: Any = Optional[field.annotation]  # noqa: UP045 (a type that is known only here)
    for each in field.metadata:
        kind = Annotated[kind, each]
    return kind


def _choice(name: str, fields: Iterable[str]) -> type[Settings]:
    """Settings of these fields of `EncoderSettings`, None: not given."""
    known = {each: EncoderSettings.model_fields[each] for each in fields}
    open_fields: Any = {
        each: (_left_open(field), Field(None, description=field.description)) for each, field in known.items()
    }
    return create_model(name, __base__=Settings, **open_fields)


if TYPE_CHECKING:
    EncoderChoice = EncoderSettings
    InputChoice = EncoderSettings
else:
    EncoderChoice = _choice("EncoderChoice", EncoderSettings.model_fields)
    """What may be given of an encoder whose weights say the rest."""
    InputChoice = _choice("InputChoice", INPUT)
    """What may be given of an encoder that is built for any clips."""


def nested(values: object) -> object:
    """Plain values of settings with those of the encoder in their place: scripts and older files give them beside.

    {"encoder": "c3d", "width": 0.25, …}  ──▶  {"encoder": {"name": "c3d", "width": 0.25}, …}
    """
    if not isinstance(values, dict):
        return values
    beside = {name: value for name, value in values.items() if name in EncoderSettings.model_fields and name != "name"}
    given = values.get("encoder")
    if isinstance(given, BaseModel):
        given = given.model_dump(exclude_unset=True)
    if given is None or isinstance(given, str):
        given = {} if given is None else {"name": given}
    if not isinstance(given, dict) or not (beside or given):
        return {name: value for name, value in values.items() if not (name == "encoder" and value is None)}
    return {name: value for name, value in values.items() if name not in beside} | {"encoder": {**given, **beside}}


def with_encoder(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with the settings of the encoder, where there are some, as an object."""
    found: dict[str, Any] = nested(dict(values))  # type: ignore[assignment]
    return found | ({"encoder": EncoderSettings.model_validate(found["encoder"])} if "encoder" in found else {})
