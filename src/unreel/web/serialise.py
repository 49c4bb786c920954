"""From what was found to what programs and pages are told."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from unreel.errors import SettingsError
from unreel.search.moments import Moment
from unreel.web.catalogue import CatalogueEncoder, Video
from unreel.web.schemas import Answer, EncoderFacts, HitModel, VideoFacts
from unreel.web.search import EncoderResults, SearchInput, SearchOptions
from unreel.web.selection import SelectedVideo, name_of
from unreel.web.site import Site

MOST_PIECES = 200
"""Pieces that are labelled, and so cut out, at once."""


def encoder_facts(site: Site, shown: CatalogueEncoder) -> EncoderFacts:
    """What an encoder is."""
    facts = shown.table.facts
    return EncoderFacts(
        number=shown.number,
        name=shown.name,
        checkpoint=facts.checkpoint,
        level=facts.level,
        width=facts.width,
        videos=len(shown.ids),
        clips=shown.table.count("clip"),
        exact=facts.index is None,
        queries=site.finder.why_not(shown),
    )


def video_facts(site: Site, video: Video, given: dict[str, str]) -> VideoFacts:
    """What a video is, and what has become of it; `given` are the labels given in the page, by item."""
    row, original = video.row, site.originals.find(video.row)
    guess = None if video.key in given else site.guesser.latest.likely.get(video.key)
    return VideoFacts(
        key=video.key,
        id=row.id,
        label=row.label,
        labels=row.labels,
        seconds=row.end,
        size=row.size,
        state=original.state,
        reason=original.reason,
        given=given.get(video.key, ""),
        suggested=guess.label if guess else "",
        confidence=guess.confidence if guess else 0.0,
    )


def given_labels(site: Site) -> dict[str, str]:
    """The labels that were given in the page, by item."""
    return {item.name: label for item, label in site.labels.given()}


async def find(
    site: Site, query: SearchInput, search: SearchOptions, shown: Sequence[CatalogueEncoder]
) -> list[EncoderResults]:
    """What encoders find."""
    numbers = [each.number for each in shown]
    return await asyncio.get_running_loop().run_in_executor(site.searchers, site.finder.find, query, search, numbers)


def answer_facts(site: Site, found: EncoderResults, given: dict[str, str]) -> Answer:
    """What an encoder has found."""
    hits = [hit_facts(site, moment, given) for moment in found.moments]
    return Answer(encoder=found.shown.number, name=found.shown.name, hits=hits, note=found.note)


def hit_facts(site: Site, moment: Moment, given: dict[str, str]) -> HitModel:
    """One hit."""
    row, similarity = moment.hit.row, max(-1.0, min(1.0, moment.hit.similarity))
    video = site.catalogue.video(row.id)
    name = name_of(video, (moment.start, moment.end) if row.kind == "clip" else None)
    facts = video_facts(site, video, given)
    return HitModel(
        item=f"{name}~{similarity:.6f}",
        video=facts.model_copy(update={"given": given.get(name, "")}),
        kind=row.kind,
        start=moment.start,
        end=moment.end,
        similarity=similarity,
        copies=len(moment.copies),
    )


async def label_items(site: Site, label: str, items: Sequence[SelectedVideo]) -> str:
    """Give items a label, or with an empty one take theirs away; pieces are cut out first. The token of the act.

    Raises:
        SettingsError: it is no label, or there are too many pieces.
        VideoError: a piece cannot be cut out; then nothing is labelled.
        CollectionError: the labels cannot be written.
    """
    cuts = await _cut_out(site, [item for item in items if item.is_piece and label.strip()])
    return site.acts.keep(await asyncio.to_thread(site.labels.give, label, items, cuts))


async def undo(site: Site, token: str) -> int:
    """Give back what the items of an act had before, where nobody has labelled them since; how many had it back.

    Raises:
        SettingsError: the act cannot be undone any more.
        VideoError: a piece cannot be cut out again; then nothing is undone.
        CollectionError: the labels cannot be written.
    """
    act = site.acts.get(token)
    if act is None:
        raise SettingsError("This cannot be undone any more: label the videos anew.")
    cuts = await _cut_out(site, [item for item, label in act.before if item.is_piece and label])
    undone = await asyncio.to_thread(site.labels.undo, act, cuts)
    site.acts.drop(token)
    return undone


async def _cut_out(site: Site, pieces: Sequence[SelectedVideo]) -> dict[str, Path]:
    """The files of pieces, by name."""
    if len(pieces) > MOST_PIECES:
        raise SettingsError(f"got {len(pieces)} pieces, expected at most {MOST_PIECES} at once: select fewer.")
    return {
        item.name: await site.cuts.piece(await site.originals.checked(item.video.row), item.start, item.end)
        for item in pieces
    }


def label_counts(site: Site, items: Sequence[SelectedVideo]) -> dict[str, int]:
    """How many of the items have each label that was given here or that the tables hold; the commonest come first."""
    given = given_labels(site)
    known = Counter(given.values())
    own = Counter(given.get(item.name, "") for item in items)
    names = [*(label for label, _ in known.most_common()), *sorted(site.catalogue.labels)]
    return {label: own[label] for label in dict.fromkeys(names)}
