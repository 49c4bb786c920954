"""Freed memory is used again: the system need not clear its pages anew."""

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys
import torch
from unreel.engine.malloc import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for round in range(24):
    if round == 12:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    large = [torch.zeros(12_000_000 + 100_000 * number) for number in range(3)]
    del large
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told so")
def test_pages_are_used_again() -> None:
    assert page_faults("kept") * 10 < page_faults("as ever")
