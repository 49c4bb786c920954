"""Which videos a run has learnt from."""

import json
from pathlib import Path

from unreel.errors import UnreelError
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.training.run import SETTINGS, VIDEOS
from unreel.video.manifest import VideoRecord, is_prepared
from unreel.video.options import PrepareOptions
from unreel.video.prepare import cache_folder, prepared


def learnt_from(run: Path) -> tuple[VideoRecord, ...] | None:
    """The videos that a fine-tuning run has learnt from, as far as their collection still knows them.

    None where that cannot be told: it is no run folder but weights alone, or what was prepared for it is gone.
    """
    try:
        settings = read_settings(FinetuneSettings, run / SETTINGS)
        used = set(json.loads((run / VIDEOS).read_text(encoding="utf-8"))["used"])
        side = settings.encoder_settings.prepared_side
        place = next(each for each in (settings.folder, cache_folder(settings.folder, side)) if is_prepared(each))
        manifest = prepared(place, PrepareOptions(side, group_pattern=settings.group_pattern))
    except (UnreelError, OSError, ValueError, KeyError, StopIteration):
        return None
    found = tuple(record for record in manifest if record.id in used)
    return found if len(found) == len(used) else None
