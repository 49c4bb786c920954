"""What all tests have in common."""

import os
from contextlib import suppress

import torch
from hypothesis import settings

# readline, which pytest's debugger imports, tells all processes that are started of a terminal 80 letters wide.
with suppress(ImportError):
    import readline  # noqa: F401
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels for GPUs are done by CPUs, slowly

pytest_plugins = ["reporting_fixtures", "web_fixtures"]

# Examples are not timed: how long one takes is the machine's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
