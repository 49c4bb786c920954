"""Every error a user can meet.

    UnreelError                    exit code 2, printed without a traceback
    ├── SettingsError              a setting that does not exist or makes no sense
    ├── CollectionError            a folder or manifest that cannot be used
    │   ├── VideoError             one video that cannot be used (counted and listed, never fatal to a collection)
    │   └── AnnotationError        a file of labels in time that cannot be used
    ├── OverwriteError             an output that exists already
    ├── OutputError                an output that cannot be written
    ├── RunError                   a folder that is no run folder
    │   └── CheckpointError        weights that are missing, damaged or of another encoder
    ├── TrainingError              a run that cannot go on (loss not finite, another process lost)
    ├── Stopped                    a run that was asked to stop and has saved itself (exit code 75, or 130 on Ctrl-C)
    └── MissingExtraError          an optional package that is not installed

A message says what was got, what was expected and what to do. Each argument is one line of it, whatever stands in it.
"""

from unreel.text import message


class UnreelError(Exception):
    """Base of all errors that are the user's to mend; the command line ends with `exit_code`."""

    exit_code = 2

    def __str__(self) -> str:
        return "\n".join(map(message, self.args))


class SettingsError(UnreelError):
    """A setting that does not exist or makes no sense."""


class CollectionError(UnreelError):
    """A folder or manifest that cannot be used."""


class VideoError(CollectionError):
    """One video that cannot be used; its message is the reason listed in the manifest."""


class AnnotationError(CollectionError):
    """A file of labels in time that cannot be used."""


class OverwriteError(UnreelError):
    """An output that exists already; nothing is ever overwritten."""


class OutputError(UnreelError):
    """An output that cannot be written: the disk is full or read-only, the place is no place for it, or its lock."""


class RunError(UnreelError):
    """A folder that is no run folder."""


class CheckpointError(RunError):
    """Weights that are missing, damaged or of another encoder."""


class TrainingError(UnreelError):
    """A run that cannot continue."""


class Stopped(UnreelError):
    """A run that was asked to stop and has saved itself; the same command resumes it."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again


class MissingExtraError(UnreelError):
    """An optional package that is not installed."""
