"""`unreel leaks`."""

from pathlib import Path

import tyro

from unreel.settings.model import Settings


class Leaks(Settings):
    """Find videos that are held out for a test but known from training: the same file, group, or a near duplicate.

    Ends with exit code 2 and their names if there are any that --allow does not name.
    """

    tested: tyro.conf.Positional[Path]
    """Prepared folder, or manifest of a scan, of a data set with splits (see --layout of `unreel prepare`)."""
    split: str = "1"
    """Its split."""
    pretraining: Path | None = None
    """Prepared folder, or manifest of a scan, that was learnt from; none given: the training part of the split."""
    allow: tuple[str, ...] = ()
    """Names of what is accepted: ids of test videos, groups, or a reason as a whole ("near duplicate")."""
