"""Which videos a run has learnt from."""

from pathlib import Path

from unreel.errors import UnreelError
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.training.run import SETTINGS, VIDEOS, read_videos
from unreel.video.collection.manifest import VideoRecord, is_prepared
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import cache_folder, prepared


def learnt_from(run: Path) -> tuple[VideoRecord, ...] | None:
    """The videos that a fine-tuning run has learnt from, as far as their collection still knows them.

    None where that cannot be told: it is no run folder but weights alone, or what was prepared for it is gone.

    Raises:
        RunError: what it has learnt from was noted but is damaged.
    """
    used = set(read_videos(run).used) if (run / VIDEOS).exists() else set()
    try:
        settings = read_settings(FinetuneSettings, run / SETTINGS)
        side = settings.encoder_settings.prepared_side
        place = next(each for each in (settings.folder, cache_folder(settings.folder, side)) if is_prepared(each))
        options = PrepareOptions(side, group_pattern=settings.group_pattern, labels=settings.labels)
        manifest = prepared(place, options)
    except (UnreelError, StopIteration):
        return None
    found = tuple(record for record in manifest if record.id in used)
    return found if used and len(found) == len(used) else None
