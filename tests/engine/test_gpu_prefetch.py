"""Batches that are on the GPU before they are asked for."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import count, islice

import pytest
import torch
from batches import noise_batch

from unreel.engine.gpu_prefetch import copied_ahead
from unreel.types import ClipBatch


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_batches_come_in_order_and_whole_while_the_gpu_computes() -> None:
    made: list[int] = []

    def source() -> Generator[ClipBatch, None, None]:
        try:
            for number in count():
                made.append(number)
                yield replace(noise_batch(2, frames=4), luma=noise_batch(2, frames=4).luma + number).pin_memory()
        finally:
            made.append(-1)

    busy = torch.randn(2048, 2048, device="cuda")
    with closing(copied_ahead(source(), torch.device("cuda"))) as batches:
        for number, batch in enumerate(islice(batches, 5)):
            busy = busy @ busy / busy.norm()
            assert batch.luma.is_cuda
            assert torch.equal(batch.luma.cpu(), noise_batch(2, frames=4).luma + number)
    assert made == [0, 1, 2, 3, 4, 5, -1]
