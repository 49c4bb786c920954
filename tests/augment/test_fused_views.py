"""Views by the kernels for GPUs against those of `apply_views`; without a GPU Triton's interpreter runs them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from view_batches import Given, any_batches

from unreel.augment import apply_views, triton_views
from unreel.augment.triton_views import apply_views_fused

pytest.importorskip("triton")

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def _on_device(batch: Given) -> Given:
    luma, chroma, to_rgb, draws = batch
    return luma.to(DEVICE), chroma.to(DEVICE), to_rgb.to(DEVICE), draws


@settings(max_examples=25)
@given(batch=any_batches(), size=st.integers(1, 33), pixels=st.sampled_from([16, 512]))
def test_a_view_is_that_of_apply_views(batch: Given, size: int, pixels: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triton_views, "PIXELS", pixels)
        view = apply_views_fused(*_on_device(batch), size)
    torch.testing.assert_close(view.cpu(), apply_views(*batch, size), atol=1e-5, rtol=0)
    assert view.is_contiguous(memory_format=torch.channels_last_3d)
