"""Settings of the views."""

from typing import Annotated

from pydantic import Field

from unreel.settings.model import Settings

Strength = Annotated[float, Field(ge=0, le=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class AugmentationSettings(Settings):
    """The transformations a view is drawn from (Sec. 3.3); each can be switched off (Table 2)."""

    crop: bool = True
    """Cut at a random place of the frame; off: its centre."""
    scale_jitter: bool = True
    """Draw the side of the crop from `scales`; off: 0.875 of the region (112 of 128 pixels)."""
    scales: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1.0, 0.875, 0.75, 0.66)
    """Sides of the crop as shares of the region's side (128 pixels in the paper)."""
    flip: bool = True
    """Mirror left and right."""
    flip_probability: Probability = 0.5
    """How often a clip is mirrored."""
    colour_jitter: bool = True
    """Change brightness, contrast, saturation and hue."""
    brightness: Strength = 0.4
    """Brightness is multiplied by 1 − this to 1 + this."""
    contrast: Strength = 0.4
    """Contrast is multiplied by 1 − this to 1 + this."""
    saturation: Strength = 0.4
    """Saturation is multiplied by 1 − this to 1 + this."""
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Largest turn of the hue as a share of the full circle."""
    channel_replication: bool = True
    """Show one of R, G, B in all three channels."""
    channel_replication_probability: Probability = 0.5
    """How often one channel is shown in all three."""
    channel_replication_per_frame: bool = False
    """Draw the channel for every frame on its own, as OPN does, instead of once per clip."""
    in_temporal_contrast: bool = True
    """Transform the view of Temporal Contrast too; off: the plain centre of the frame (Sec. 4.1)."""

    @property
    def random_regions(self) -> tuple[bool, bool]:
        """Whether the regions of x and of Γ(x) that views are cut from lie at random places, or at the centre."""
        return self.crop, self.crop and self.in_temporal_contrast
