"""Settings of the methods that the paper compares HDC with (Tables 3 to 5), and of their kin: one class each."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.encoder import ClipLength, FrameStep
from unreel.settings.model import Amount, Count, PositiveAmount, PositiveCount
from unreel.settings.pretraining import PretrainSettings

Blocks = Annotated[int, Field(ge=2, le=100)]
Paces = Annotated[int, Field(ge=2, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]


class PretextSettings(PretrainSettings):
    """Pretrain an encoder on a task whose answers come from the videos themselves, by cross entropy."""

    learning_rate: PositiveAmount = 0.01
    """Learning rate before it falls."""
    centre: bool = False
    """Take the running mean of the features off before the task's own layers see them: at the start the features of
    all clips are nearly alike."""


class ContrastSettings(PretrainSettings):
    """Pretrain an encoder by contrast between videos."""

    learning_rate: PositiveAmount = 0.03
    """Learning rate before it falls."""
    temperature: PositiveAmount = 0.1
    """τ of the contrast."""

    @model_validator(mode="after")
    def _nothing_leaks(self) -> "ContrastSettings":
        if self.encoder.norm == "batch":
            raise ValueError(
                f"norm is batch, whose statistics would tell {self.method} which clips were computed together, and so "
                "the answer; choose norm instance"
            )
        return self


class RotNetSettings(PretextSettings):
    """Pretrain an encoder to tell by how much a clip is turned: 0, 90, 180 or 270° (3D-RotNet, Jing et al., 2018)."""

    stride: FrameStep = 2
    """Frames from one frame of a clip to the next."""


class ClipOrderSettings(PretextSettings):
    """Pretrain an encoder to tell the order of three pieces of a video (Clip Order, Xu et al., CVPR 2019)."""

    piece_length: ClipLength = 16
    """Frames of a piece."""
    piece_gap: Count = 8
    """Frames between two pieces."""
    augmentation: AugmentationSettings = AugmentationSettings(channel_replication=False)
    """The transformations that views are drawn from."""


class ClozeSettings(ClipOrderSettings):
    """Pretrain an encoder to tell what was done to the middle one of three pieces (VCP, Luo et al., AAAI 2020)."""

    replaced: bool = True
    """Among the operations is to replace the piece by another one of the video, which must then be longer."""


class OPNSettings(ClipOrderSettings):
    """Pretrain an encoder to tell the order of four pieces, forwards or backwards (OPN, Lee et al., ICCV 2017)."""

    augmentation: AugmentationSettings = AugmentationSettings()
    """The transformations that views are drawn from; with channel replication each piece shows one channel."""


class AdaptiveOrderSettings(OPNSettings):
    """Pretrain an encoder to tell the order of four pieces, orders that it fails at shown more often.

    After Büchler et al. (ECCV 2018), whose policy is learnt by reinforcement; this one is not.
    """


class ShuffleLearnSettings(PretextSettings):
    """Pretrain an encoder to tell whether three pieces are in order (Shuffle and Learn, Misra et al., ECCV 2016)."""

    piece_length: ClipLength = 16
    """Frames of a piece."""


class PaceSettings(PretextSettings):
    """Pretrain an encoder to tell how fast a clip is shown (Pace Prediction, Wang et al., ECCV 2020)."""

    paces: Paces = 4
    """A clip has every frame, every second, … to every so-manieth."""
    piece_length: ClipLength = 16
    """Frames of a clip."""


class PaceContrastSettings(PaceSettings):
    """Pretrain an encoder to tell paces, and by contrast of two clips of a video (Pace Prediction, ECCV 2020)."""

    contrast_weight: Amount = 0.1
    """Weight of the contrast."""
    temperature: PositiveAmount = 0.1
    """τ of the contrast."""


class SpeedNetSettings(PretextSettings):
    """Pretrain an encoder to tell whether a clip is shown at twice its speed (SpeedNet, Benaim et al., CVPR 2020)."""


class PlaybackSettings(PretextSettings):
    """Pretrain an encoder to tell three clips apart by speed and direction (Cho et al., 2020)."""


class PuzzleSettings(PretextSettings):
    """Pretrain an encoder to order four pieces in space or in time (3D-ST-Puzzle, Kim et al., AAAI 2019)."""

    piece_length: ClipLength = 16
    """Frames of a piece."""


class StatisticsSettings(PretrainSettings):
    """Pretrain an encoder to tell where most moves and what changes most (Motion & Appearance, Wang et al., CVPR 2019).

    The targets are numbers; the loss is their squared error.
    """

    learning_rate: PositiveAmount = 0.003
    """Learning rate before it falls."""
    appearance_weight: Amount = 0.1
    """Weight of the error in appearance beside that in motion."""


class DPCSettings(ContrastSettings):
    """Pretrain an encoder to predict the features of what comes next (Dense Predictive Coding, Han et al., 2019)."""

    learning_rate: PositiveAmount = 0.01
    """Learning rate before it falls; dot products, which it compares, are larger than cosines."""
    piece_length: ClipLength = 5
    """Frames of a block."""
    blocks: Blocks = 8
    """Blocks of a video, one right after the other."""
    predicted: PositiveCount = 3
    """How many of them, the last ones, are predicted."""
    stride: FrameStep = 3
    """Frames from one frame of a block to the next."""

    @model_validator(mode="after")
    def _something_seen(self) -> "DPCSettings":
        if self.predicted >= self.blocks:
            raise ValueError(f"predicted is {self.predicted} of {self.blocks} blocks; leave one at least to be seen")
        return self


class CVRLSettings(ContrastSettings):
    """Pretrain an encoder by contrast of two clips of a video, near ones preferred (CVRL, Qian et al., CVPR 2021)."""

    stride: FrameStep = 2
    """Frames from one frame of a clip to the next."""


class MomentumSettings(ContrastSettings):
    """Pretrain an encoder by comparison with a copy of itself that follows it slowly."""

    follows_steps: ClassVar[bool] = True

    momentum_copy: Share = 0.994
    """Share of the copy's weights that is kept at a step; where the method says so it rises to 1 along half a cosine,
    and a resumed run must then have as many steps as it began with."""


class MoCoSettings(MomentumSettings):
    """Pretrain an encoder by contrast with a queue of earlier clips (MoCo, as in Feichtenhofer et al., CVPR 2021)."""

    queue: PositiveCount = 4096
    """Clips of earlier steps that are compared with, in whole batches."""


class VideoMoCoSettings(MoCoSettings):
    """Pretrain an encoder as MoCo does, older clips of the queue counting less (VideoMoCo, Pan et al., CVPR 2021)."""

    queue_decay: Annotated[float, Field(gt=0, le=1)] = 0.99999
    """Factor on the similarity to a clip of the queue, for each step of its age."""
    blanked: Share = 0.25
    """Share of a clip's frames that are replaced by their mean."""


class BYOLSettings(MomentumSettings):
    """Pretrain an encoder to predict its copy's view of another clip (BYOL, as in Feichtenhofer et al., CVPR 2021)."""

    momentum_copy: Share = 0.996
    """Share of the copy's weights that is kept at a step; it rises to 1 along half a cosine, and a resumed run must
    then have as many steps as it began with."""
    standardise: bool = False
    """Give every dimension mean 0 and spread 1 over the batch before they are compared, against collapse."""


class RSPNetSettings(MoCoSettings):
    """Pretrain an encoder to compare speeds, and by contrast with a queue (RSPNet, Chen et al., AAAI 2021)."""

    follows_steps: ClassVar[bool] = False
    momentum_copy: Share = 0.999
    """Share of the copy's weights that is kept at a step."""
    temperature: PositiveAmount = 0.07
    """τ of the contrast."""
    margin: PositiveAmount = 0.14
    """Cosine by which a clip of the same speed is to be nearer than one of another."""


class TCLRSettings(ContrastSettings):
    """Pretrain an encoder by contrast of videos and of the parts of each (TCLR, Dave et al., CVIU 2022)."""

    piece_length: ClipLength = 16
    """Frames of each of the four parts; the whole clip has as many frames over all of them as the encoder is shown."""


class CCLSettings(ContrastSettings):
    """Pretrain an encoder by cycles between videos and their frames (after CCL, Kong et al., NeurIPS 2020)."""
