"""What ends a training and is no fault of the program: told in a sentence, with what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unreel.engine.files import is_about_writing, not_written
from unreel.engine.watchdog import connection_lost
from unreel.errors import OutputError, RunError, SettingsError, TrainingError
from unreel.settings.training import TrainingSettings


@contextmanager
def failures_told(settings: TrainingSettings) -> Iterator[None]:
    """A full disk, a lost process, too little memory and no compiler are no faults of the program."""
    try:
        yield
    except (OSError, OutputError) as error:
        if isinstance(error, OSError) and not is_about_writing(error):
            raise
        told = error if isinstance(error, OutputError) else not_written(settings.out, error)
        raise RunError(
            f"{told} Its checkpoints are whole: run the same command again, to resume from the newest of them."
        ) from error
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the device's memory is full ({_first_line(error)}). Run the same command with --accumulate "
            f"{2 * settings.accumulate} or --checkpoint-activations: both need less, and the run resumes."
        ) from error
    except RuntimeError as error:
        if connection_lost(error):
            raise TrainingError(
                f"another process of this run is gone ({_first_line(error)}). See what it said; the same command "
                "resumes from the newest checkpoint."
            ) from error
        if settings.compile and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise SettingsError(
                f"the encoder could not be compiled ({_first_line(error)}). Run the same command without --compile, or "
                "install the compiler that it needs."
            ) from error
        raise


def _first_line(error: BaseException) -> str:
    """Without gloo's place in its source and its advice."""
    return re.sub(r"^\[\S*gloo\S*\] |\. This is typically.*", "", str(error).partition("\n")[0])
