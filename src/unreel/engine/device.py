"""Where to compute."""

import torch
from lightning_fabric import Fabric


def device(accelerator: str) -> torch.device:
    """The device that Fabric chooses for "auto", "cpu", "cuda" or "mps"."""
    chosen: torch.device = Fabric(accelerator=accelerator, devices=1).device
    return chosen
