"""What all tests have in common."""

import os

import torch
from hypothesis import settings

os.environ.pop("COLUMNS", None)  # which xdist gives its workers: output is piped and whole in tests

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels for GPUs are done by processors, slowly

pytest_plugins = ["reporting_fixtures", "web_fixtures"]

# Examples are not timed: how long one takes is the machine's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
