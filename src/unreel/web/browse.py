"""What the conditions of a page find: the videos, and how many of them have each value of each facet."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from unreel.web.catalogue import NEXT, Video, VideoFilter
from unreel.web.facets import Facet
from unreel.web.params import Browsing, Conditions, read_conditions
from unreel.web.selection import SelectedVideo, read_items
from unreel.web.serialise import given_labels
from unreel.web.site import Site
from unreel.web.templating import link


@dataclass(frozen=True)
class Found:
    """All videos that conditions find, in their order, and the facets of these and their neighbours."""

    videos: Sequence[Video]
    facets: Sequence[Facet]


async def browse(site: Site, conditions: Conditions) -> Found:
    """What conditions find now.

    Raises:
        SettingsError: they make no sense.
        CollectionError: the map that a lasso was drawn on cannot be drawn.
    """
    given = given_labels(site)
    videos = await _ordered(site, conditions.wanted, conditions.order if isinstance(conditions, Browsing) else "name")
    if conditions.lasso:
        number, polygon = conditions.polygon(site.catalogue)
        inside = (await site.maps.of(site.catalogue.shown[number])).within(polygon)
        videos = [video for video in videos if video.row.id in inside]
    guessed = {key: each.label for key, each in site.guesser.latest.likely.items()}
    return Found(*site.facets.count(videos, given, site.facets.read(conditions.facet), guessed))


async def _ordered(site: Site, wanted: VideoFilter, order: str) -> list[Video]:
    """The wanted videos in an order; to label next: those suggested first, then the others by name."""
    given = given_labels(site)
    if order != NEXT:
        if given:
            site.guesser.refresh(given)
        return site.catalogue.find(wanted, order, given)
    following = (await site.guesser.fresh(given)).following
    place = {key: number for number, key in enumerate(following)}
    videos = site.catalogue.find(wanted, "name", given)
    return sorted(videos, key=lambda video: place.get(video.key, len(place)))


@dataclass(frozen=True)
class Neighbours:
    """What comes before and after a video among those that conditions find; `number` (from 1) is its own there.

    `address` shows them all, `onward` what comes once the video is labelled.
    """

    before: Video | None
    after: Video | None
    number: int
    total: int
    address: str
    onward: str


async def neighbours(site: Site, video: Video, among: str) -> Neighbours:
    """What conditions have around a video, also where they do not find it any more, as it is labelled now.

    Raises:
        SettingsError: they make no sense.
    """
    conditions = read_conditions(among)
    found = (await browse(site, conditions)).videos
    address = link("/", conditions.model_dump(exclude_defaults=True))
    if conditions.order == NEXT:  # what to label next changes with each label
        after = next((each for each in found if each.key != video.key), None)
        return Neighbours(None, after, 1, len(found), address, link("/next", {"among": among}))
    everything = await _ordered(site, VideoFilter(), conditions.order)
    places = {each.key: place for place, each in enumerate(everything)}
    mine, here = [places[each.key] for each in found], places.get(video.key, len(places))
    left, right = bisect_left(mine, here), bisect_right(mine, here)
    after = found[right] if right < len(found) else None
    return Neighbours(
        found[left - 1] if left else None,
        after,
        left + 1,
        len(found),
        address,
        link(f"/video/{after.key}", {"among": among}) if after else "",
    )


async def chosen_items(
    site: Site, names: Sequence[str], found: str | None = None, without: Sequence[str] = ()
) -> list[SelectedVideo]:
    """The items of these names, and all that the conditions `found` find now but those `without`, each once.

    Raises:
        SettingsError: a name is of no item, or the conditions make no sense.
    """
    items = {item.name: item for item in read_items(site.catalogue, names)}
    if found is not None:
        left_out = {item.name for item in read_items(site.catalogue, without)}
        for video in (await browse(site, read_conditions(found))).videos:
            if video.key not in left_out:
                items.setdefault(video.key, SelectedVideo(video, 0.0, video.row.end, False))
    return list(items.values())
