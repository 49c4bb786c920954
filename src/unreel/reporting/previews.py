"""The videos a page shows, each with its moving preview cut once, or the reason why it has none."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from unreel.engine.progress import track
from unreel.errors import VideoError
from unreel.reporting.strips import SCREEN, Fineness, Strip, cut_strip
from unreel.video.collection.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class Preview:
    """One video of the page; `number` is its name inside the page, `reason` says why there is no strip."""

    number: int
    id: str
    labels: dict[str, str]
    strip: Strip | None = field(default=None, repr=False)
    reason: str = ""


def cut_previews(
    manifest: Manifest, shown: Collection[str], moving: Collection[str], fineness: Fineness = SCREEN, first: int = 0
) -> dict[str, Preview]:
    """A preview of every `shown` video by id, with a strip for those among `moving` that can still be read.

    Their numbers count from `first`.
    """
    records = {record.id: record for record in manifest.usable}
    previews = {}
    for number, video in enumerate(track(shown, "Cutting the moving previews"), start=first):
        record = records.get(video)
        strip, reason = _strip(manifest, record, video in moving, fineness)
        previews[video] = Preview(number, video, dict(record.labels) if record else {}, strip, reason)
    return previews


def clips_of(previews: Iterable[Preview]) -> dict[int, Strip]:
    """The strips of those that have one, by number."""
    return {each.number: each.strip for each in previews if each.strip}


def _strip(manifest: Manifest, record: VideoRecord | None, moves: bool, fineness: Fineness) -> tuple[Strip | None, str]:
    if record is None:
        return None, "not among the usable videos of this collection"
    if not moves:
        return None, "not in the sample that moves"
    try:
        return cut_strip(manifest.file(record), record.frames, record.fps, fineness, record.first), ""
    except VideoError as error:
        return None, str(error)
