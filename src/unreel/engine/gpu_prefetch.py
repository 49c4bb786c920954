"""Batches on a GPU before they are asked for."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

import torch
from torch import Tensor


def copied_ahead(batches: Generator[Any, None, None], device: torch.device) -> Generator[Any, None, None]:
    """The same batches on an NVIDIA GPU, each copied while the one before it is computed with.

    What a batch holds must lie in page-locked memory, otherwise the copy waits for the computation.
    """
    copying: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    ahead: list[tuple[Any, Any]] = []

    def handed_over() -> Any:
        batch, copied = ahead.pop(0)
        computing = torch.cuda.current_stream(device)
        computing.wait_event(copied)
        for each in vars(batch).values():
            if isinstance(each, Tensor):
                each.record_stream(computing)  # its memory is given to no other before it has been computed with
        return batch

    with closing(batches):
        for batch in batches:
            with torch.cuda.stream(copying):
                ahead.append((batch.to(device), copying.record_event()))
            if len(ahead) == 2:
                yield handed_over()
        while ahead:
            yield handed_over()
