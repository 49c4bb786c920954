"""3D-ResNet18: the shapes and the number of parameters of the specification."""

import pytest
import torch

from unreel import models
from unreel.errors import SettingsError


def test_shapes_and_parameters_at_full_size() -> None:
    encoder = models.build("r3d18")
    with torch.inference_mode():
        pyramid = encoder(torch.zeros(1, 3, 16, 112, 112))
    assert {k: tuple(pyramid[k].shape[1:]) for k in pyramid} == {
        3: (128, 4, 14, 14),
        4: (256, 2, 7, 7),
        5: (512, 1, 4, 4),
    }
    assert sum(each.numel() for each in encoder.parameters()) / 1e6 == pytest.approx(33.2, abs=0.05)


def test_width_scales_the_channels() -> None:
    assert models.build("r3d18", width=0.25).channels == {3: 32, 4: 64, 5: 128}


def test_a_map_of_one_position_is_no_crash() -> None:
    pyramid = models.build("r3d18", width=0.0625)(torch.randn(2, 3, 4, 16, 16))
    assert pyramid[5].shape[2:] == (1, 1, 1)
    assert pyramid[5].isfinite().all()


def test_unknown_encoder() -> None:
    with pytest.raises(SettingsError, match="no encoder 'r3d81'; choose one of: r3d18"):
        models.build("r3d81")
