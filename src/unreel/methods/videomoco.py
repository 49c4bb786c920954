"""VideoMoCo (Pan et al., CVPR 2021): MoCo whose older keys count less, on clips with frames taken out.

Facts from the authors' code (tinapan-pt/VideoMoCo): the similarity to a key is multiplied by .99999 to the power of its
age; 8 of 32 frames are replaced by their mean. There a generator learns which frames to drop; **ours are drawn, nothing
is adversarial**. All else is as in `moco`.
"""

from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from unreel.methods.heads import drawn
from unreel.methods.moco import MoCo
from unreel.settings.rivals import VideoMoCoSettings
from unreel.types import ClipBatch


@final
class VideoMoCo(MoCo):
    """as MoCo; some frames of the query are blanked, and the queue's keys lose weight with age."""

    settings_kind: ClassVar = VideoMoCoSettings
    settings: VideoMoCoSettings

    def query_view(self, batch: ClipBatch) -> Float[Tensor, "b 3 t s s"]:
        """The view of MoCo with some frames blanked, which are drawn for each video."""
        query = super().query_view(batch)
        count = round(self.settings.blanked * query.shape[2])
        orders = drawn(self.settings, batch, lambda draw: draw("blanked").permutation(query.shape[2])[:count])
        return torch.stack([blanked(clip, torch.from_numpy(each)) for clip, each in zip(query, orders, strict=True)])

    def weights(self) -> Float[Tensor, " n"]:
        """`queue_decay` to the power of each key's age."""
        weights: Tensor = self.settings.queue_decay ** self.queue.ages(self.settings.batch_size)
        return weights


def blanked(clip: Float[Tensor, "3 t s s"], frames: Tensor) -> Float[Tensor, "3 t s s"]:
    """The clip with these of its frames replaced by the mean of their own values."""
    frames = frames.to(clip.device)
    return clip.index_copy(1, frames, clip[:, frames].mean(dim=(0, 2, 3), keepdim=True).expand_as(clip[:, frames]))
