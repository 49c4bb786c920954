"""Training methods: views + encoder + projections + loss."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from unreel import plugins
from unreel.errors import SettingsError
from unreel.models import Encoder
from unreel.settings.pretraining import METHODS, PretrainSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Sampling

__all__ = ["GIVEN", "Method", "Pretext", "build", "find"]

GIVEN = "given/"
"""What the names of outputs begin with that no gradient goes through: targets, keys of a queue."""


@runtime_checkable
class Method(Protocol):
    """What every method, a module, offers to the training loop.

    The loss is apart from what it compares, so that a batch computed in parts, or by several processes, is compared as
    a whole: every parameter acts in `forward`, `loss` has none.
    """

    @property
    def encoder(self) -> Encoder:
        """What is learnt."""
        ...

    def __call__(self, batch: ClipBatch) -> dict[str, Tensor]:
        """What the loss compares: tensors of one row per video of the batch.

        It is called several times a step where a batch is computed in parts, so it changes no state. Chance is drawn
        by video (`unreel.rng.draws_of`), never from torch's generator. Names that begin with "given/" have no gradient.
        """
        ...

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The loss of a batch of such rows; `watched` adds figures that tell how learning goes."""
        ...

    def updated(self, outputs: Mapping[str, Tensor], step: int, /) -> None:
        """Change what state there is, once after every update of the weights; `outputs` are the step's, detached."""
        ...


@runtime_checkable
class Pretext(Method, Protocol):
    """What pretraining asks besides; it is built from its settings, a class made from `PretrainSettings`.

    An attribute `optimizer`, called as `unreel.training.optimization.sgd` is, takes the place of that.
    """

    settings_kind: ClassVar[type[PretrainSettings]]

    @property
    def sampling(self) -> Sampling:
        """Which clips of a video it learns from."""
        ...

    @property
    def all_used(self) -> bool:
        """Whether every parameter takes part in every step."""
        ...


def find(name: str) -> type[nn.Module]:
    """The class of a method, imported now.

    Raises:
        SettingsError: there is none of that name, or what has it is no method.
    """
    with torch.device("cpu"):  # or constants of a module that is imported now could lie on the meta device
        kind: type[nn.Module] = plugins.load("methods", name, METHODS, nn.Module)
    lacking = [each for each in ("settings_kind", "forward", "loss", "updated") if not hasattr(kind, each)]
    if lacking or kind.forward is nn.Module.forward:
        raise SettingsError(f"{name} is no method: it has no {(lacking or ['forward'])[0]}. See docs/extending.md.")
    return kind


def build(settings: PretrainSettings) -> Any:
    """The method that settings name, freshly initialised from torch's generator: a `Pretext` and a module.

    Raises:
        SettingsError: there is none, or it cannot be built so.
    """
    method = find(settings.method)(settings)
    if not isinstance(method, Pretext):
        raise SettingsError(
            f"{settings.method} is no method: it lacks encoder, sampling or all_used. See docs/extending.md."
        )
    return method
