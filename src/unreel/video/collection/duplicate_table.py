"""The duplicates of a collection as a table for spreadsheets: which are kept, which are not, and why."""

from collections.abc import Iterator
from datetime import datetime, timezone

from unreel.text import comma_separated
from unreel.video.collection.duplicates import DuplicateGroups
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.preference import Preference

COLUMNS = "group", "kind", "keep", "path", "size", "duration", "width", "height", "modified", "reason"


def table_of(manifest: Manifest, found: DuplicateGroups, preference: Preference) -> str:
    """A row for each video of every group, the one that is kept first; groups that a video links are one."""
    records = {record.id: record for record in manifest}
    members: dict[str, list[VideoRecord]] = {}
    for name, kept in found.kept.items():
        members.setdefault(kept, [records[kept]]).append(records[name])
    same = {name: records[group[0]] for group in found.exact for name in group[1:]}
    near = {name for group in found.near for name in group}

    def rows() -> Iterator[list[object]]:
        for number, (_, group) in enumerate(sorted(members.items()), start=1):
            kept, *others = sorted(group, key=preference.key)
            yield _row(number, "near" if kept.id in near else "exact", "yes", kept, preference.why(kept, others))
            for each in others:
                kind, better = ("exact", same[each.id]) if each.id in same else ("near", kept)
                relation = "same file as" if kind == "exact" else "near duplicate of"
                reason = f"{relation} {better.id}: {preference.why_not(each, better)}"
                yield _row(number, kind, "no", each, reason)

    return comma_separated(COLUMNS, rows())


def _row(number: int, kind: str, keep: str, video: VideoRecord, reason: str) -> list[object]:
    size = (video.size, round(video.duration, 3), video.source_width, video.source_height)
    return [number, kind, keep, video.id, *size, _time_text(video.modified), reason]


def _time_text(seconds: float) -> str:
    """A time of UTC as spreadsheets read it; empty where it is not known."""
    try:
        return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""
    except (OverflowError, ValueError, OSError):  # file systems hold years that calendars do not
        return ""
