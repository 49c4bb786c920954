"""What `scan` and `prepare` say at their end."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from unreel.console import say
from unreel.text import excerpt, unbroken
from unreel.video.clips.profile import expected_rate
from unreel.video.collection.discover import kinds_text
from unreel.video.collection.duplicates import DuplicateGroups, duplicates
from unreel.video.collection.labelling import FOLDERS, LABELS_NAME, NONE, SEGMENTS, no_classes
from unreel.video.collection.leaks import leaks
from unreel.video.collection.manifest import Manifest

LISTED = 10
CLIP_LENGTH = 16
_NAMED = 3


def summary(manifest: Manifest, done: str, place: Path) -> list[str]:
    """What was kept (`done` says how, `place` where) and what not, duplicates, and the sizes of the splits."""
    usable, skipped = manifest.usable, manifest.skipped
    minutes = sum(record.duration for record in usable) / 60
    lines = [f"{len(usable)} videos {done} ({minutes:.1f} minutes), {len(skipped)} skipped, in {unbroken(place)}"]
    found = duplicate_groups(manifest, duplicates(manifest))
    lines += [labels_line(manifest), *skipped_files(manifest), *found, *other_files(manifest)]
    for split in manifest.split_names:
        lines += _split(manifest, split)
    return lines


def labels_line(manifest: Manifest) -> str:
    """Which labels the videos have and where these come from, or why they have none; and how to change it."""
    names, ids = manifest.label_names, [record.id for record in manifest]
    if manifest.labelled == SEGMENTS:
        table = unbroken(manifest.folder / LABELS_NAME)
        return f"  no labels of whole videos: {LABELS_NAME} has segments (--labels {table} takes these)"
    if not names:
        nested = any("/" in each for each in ids) and manifest.labelled == NONE
        why = f": {no_classes(ids) or 'none were asked for'}" if nested else ""
        return f"  no labels{why} (--labels folders or a table gives some)"
    labelled = sum(bool(record.labels) for record in manifest.usable)
    few = "" if labelled == len(manifest.usable) else f" of {labelled} of {len(manifest.usable)} videos"
    folders = len({each.split("/")[0] for each in ids})
    place = f"{folders} folders" if manifest.labelled == FOLDERS else excerpt(manifest.labelled or "an earlier version")
    return f"  labels: {', '.join(map(excerpt, names))}{few}, from {place} (--labels none: without)"


def skipped_files(manifest: Manifest) -> list[str]:
    """Which files are not used of a collection, or not all of them, and why."""
    usable, skipped = manifest.usable, manifest.skipped
    reasons = Counter("duplicate of one that is kept" if each.duplicate_of else each.reason for each in skipped)
    lines = [f"  skipped: {count} × {excerpt(reason)}" for reason, count in reasons.most_common(LISTED)]
    lines += _shorten((_reason(record.id, record.reason) for record in skipped), len(skipped), LISTED)
    noted = [record for record in usable if record.reason]
    parts = (f"  noted: {_reason(record.id, record.reason).lstrip()}" for record in noted)
    return lines + _shorten(parts, len(noted), LISTED)


def other_files(manifest: Manifest) -> list[str]:
    """How many files are no videos by their names, and which videos are not there."""
    lines: list[str] = []
    if manifest.ignored:
        kinds = f": {kinds_text(manifest.ignored_kinds)}" if manifest.ignored_kinds else ""
        lines.append(f"  {manifest.ignored} files without a video's name ignored{kinds}")
    if manifest.missing:
        names = ", ".join(map(unbroken, manifest.missing[:_NAMED])) + (", …" if len(manifest.missing) > _NAMED else "")
        lines.append(f"  named by the lists but not in the folder: {len(manifest.missing)} ({names})")
    return lines


def duplicate_groups(manifest: Manifest, found: DuplicateGroups) -> list[str]:
    """The duplicates among the videos, of each group the one that is kept first."""
    lines: list[str] = []
    for kind, groups, superfluous in (
        ("exact", found.exact, found.superfluous_exact),
        ("near", found.near, found.superfluous_near),
    ):
        if groups:
            lines.append(f"  {superfluous} {kind} duplicates, in {len(groups)} groups")
            names = (" = ".join(map(unbroken, group[:_NAMED])) + " = …" * (len(group) > _NAMED) for group in groups)
            lines += _shorten((f"    {line}" for line in names), len(groups), _NAMED)
    if any(record.fingerprint for record in manifest):
        return lines or ["  no duplicates"]
    return [*(lines or ["  no exact duplicates"]), "  near duplicates not looked for"]


def decoding_rate(manifest: Manifest) -> str:
    """How fast the videos can be read here, measured on some of them."""
    rate = expected_rate(manifest, CLIP_LENGTH)
    if rate is None:
        return "  decoding rate not measured: reading a few clips takes too long"
    if not rate:
        return f"  no video is as long as a clip of {CLIP_LENGTH} frames"
    return f"  expected decoding rate: {rate:.0f} clips of {CLIP_LENGTH} frames per second and core"


def print_reasons(reasons: Mapping[str, str]) -> None:
    """Why files or videos do not take part: of the first of them, and how many others there are."""
    say(*_shorten((_reason(*each) for each in reasons.items()), len(reasons), LISTED))


def _reason(identity: str, reason: str) -> str:
    return f"    {unbroken(identity)}: {excerpt(reason)}"


def _shorten(lines: Iterable[str], count: int, most: int) -> list[str]:
    """The first lines, and how many others there are."""
    first = [line for line, _ in zip(lines, range(most), strict=False)]
    return [*first, f"    and {count - most} more"] if count > most else first


def _split(manifest: Manifest, split: str) -> list[str]:
    """The size of a split's parts, and which of their videos are known from its training part."""
    parts = manifest.parts(split)
    line = f"  split {excerpt(split)}: " + ", ".join(f"{len(videos)} {part}" for part, videos in parts.items())
    others = " or ".join(part for part in parts if part != "train")
    if "train" not in parts or not others:
        return [line]
    found = leaks(manifest, split)
    groups = len({leak.test.group for leak in found if leak.why == "same group"})
    files, near = (sum(leak.why == why for leak in found) for why in ("same file", "near duplicate"))
    shared = f"{groups} groups, {files} files and {near} near duplicates shared by train and {others}"
    named = (f"    {unbroken(leak.test.id)}: {leak.why} as {unbroken(leak.training.id)}" for leak in found)
    return [f"{line}; {shared}", *_shorten(named, len(found), _NAMED)]
