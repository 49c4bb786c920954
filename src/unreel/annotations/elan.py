"""Annotations of ELAN (`.eaf`, XML), read from version 2.0 of their format on and written as version 3.0 has them.

HEADER      MEDIA_DESCRIPTOR: MEDIA_URL, RELATIVE_MEDIA_URL, TIME_ORIGIN     what is shown side by side
TIME_ORDER  TIME_SLOT: TIME_SLOT_ID, TIME_VALUE in milliseconds, which may be missing
TIER        ANNOTATION: ALIGNABLE_ANNOTATION between two slots, or REF_ANNOTATION of another annotation
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement
from xml.parsers import expat

from unreel.annotations.values import SCHEMA, MediaFacts, Segment, Segments, checked_segment, fault, layers, with_ends
from unreel.errors import AnnotationError, SettingsError
from unreel.text import first_of, quoted

_SHOWN = 3
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_MIME_TYPES: Final = {"mp4": "video/mp4", "mov": "video/quicktime", "mpg": "video/mpeg", "mpeg": "video/mpeg"}
_TYPE = "default-lt"
_LONGEST = (1 << 32) - 1  # milliseconds of a slot
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENDS = "TIME_SLOT_REF1", "TIME_SLOT_REF2"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class _Media:
    """A file that is shown, and the time of it, in milliseconds, at which the annotations' time begins."""

    path: str
    origin: int


@dataclass(frozen=True)
class _Document:
    source: Path
    media: tuple[_Media, ...]
    slots: dict[str, int | None]


def is_document(content: bytes) -> bool:
    """Whether a file begins as XML does."""
    return content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").startswith(b"<")


def segments_of(source: Path, content: bytes) -> Segments:
    """The segments of all tiers, of every file that is shown; a tier of references has the times of what it is about.

    Raises:
        AnnotationError: it is no such document, or makes no sense.
    """
    root = _parsed(source, content)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise SCHEMA.error_for(source, f"is XML with the root {quoted(root.tag)}, expected ANNOTATION_DOCUMENT")
    document = _Document(source, _media(source, root), _slots(source, root))
    return Segments(_segments(document, root))


def document_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """A document of one video, its segments on as many tiers as overlaps make necessary.

    Raises:
        SettingsError: they are of several videos, or XML cannot hold a label.
    """
    paths = sorted({*segments.paths, *media})
    if len(paths) != 1:
        raise SettingsError(
            f"ELAN has one video in each file, and these are {len(paths)}: {first_of(paths, _SHOWN)}. Write a file "
            "for each."
        )
    for label in segments.labels:
        if _NO_XML.search(label):
            raise SettingsError(f"{quoted(label)} has characters that XML cannot hold. Rename that label.")
    root = _begun(media.get(paths[0], MediaFacts()).address or paths[0], len(segments))
    _add_tiers(root, with_ends(segments, media))
    ElementTree.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _parsed(source: Path, content: bytes) -> Element:
    """The root of XML without a document type, so that nothing in it stands for more than itself.

    Raises:
        AnnotationError: it is none.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: object) -> None:
        raise SCHEMA.error_for(source, "has a document type (DOCTYPE), which ELAN never writes")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise SCHEMA.error_for(source, f"is no XML ({error})") from None


def _media(source: Path, root: Element) -> tuple[_Media, ...]:
    header = root.find("HEADER")
    if header is None:
        raise SCHEMA.error_for(source, "has no HEADER, which names the video")
    if header.get("TIME_UNITS", "milliseconds") != "milliseconds":
        raise SCHEMA.error_for(source, f"has times in {quoted(header.get('TIME_UNITS'))}, expected milliseconds")
    found = [
        _Media(path, _whole(source, f"media {quoted(path)}", each.get("TIME_ORIGIN", "0")))
        for each in header.iter("MEDIA_DESCRIPTOR")
        if (path := _path(each.get("MEDIA_URL") or each.get("RELATIVE_MEDIA_URL") or ""))
    ]
    if not found and header.get("MEDIA_FILE"):
        found = [_Media(_path(header.get("MEDIA_FILE", "")), 0)]
    if not found:
        raise AnnotationError(f"{source} names no video. Link it in ELAN (Edit > Linked Files).")
    videos = [media for media in found if not media.path.lower().endswith((".wav", ".mp3"))]
    return tuple(videos or found)


def _slots(source: Path, root: Element) -> dict[str, int | None]:
    """The time of each slot; one without time has none."""
    return {
        slot.get("TIME_SLOT_ID", ""): None if (time := slot.get("TIME_VALUE")) is None else _whole(source, "slot", time)
        for slot in root.iterfind("TIME_ORDER/TIME_SLOT")
    }


def _whole(source: Path, where: str, text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,15}", text):
        raise fault(source, where, f"got the time {quoted(text)}, expected milliseconds.")
    return int(text)


def _segments(document: _Document, root: Element) -> Iterator[Segment]:
    """The segments of all tiers; an annotation without a value is called as its tier, if that has a name of its own."""
    between = _alignable(document, root)
    references = {each.get("ANNOTATION_ID", ""): each.get("ANNOTATION_REF", "") for each in root.iter("REF_ANNOTATION")}
    for tier, annotation in _annotations(root, "*"):
        name, where = tier.get("TIER_ID", ""), _where(tier, annotation)
        label = annotation.findtext("ANNOTATION_VALUE", "").strip() or ("" if name == "default" else name)
        times = between.get(_aligned(annotation.get("ANNOTATION_ID", ""), references))
        if times is None:
            raise fault(document.source, where, "belongs to no annotation with times. Correct it in ELAN.")
        for media in document.media:
            start, end = ((time + media.origin) / 1000 for time in times)
            yield checked_segment(document.source, where, Segment(media.path, start, end, label))


def _annotations(root: Element, kind: str) -> Iterator[tuple[Element, Element]]:
    """All annotations of a kind with their tiers."""
    for tier in root.iterfind("TIER"):
        for annotation in tier.iterfind(f"ANNOTATION/{kind}"):
            yield tier, annotation


def _where(tier: Element, annotation: Element) -> str:
    return f"tier {quoted(tier.get('TIER_ID', ''))}, annotation {quoted(annotation.get('ANNOTATION_ID', ''))}"


def _aligned(id: str, references: dict[str, str]) -> str:
    """The annotation with times that references lead to at last; those in a circle lead nowhere."""
    seen: set[str] = set()
    while id in references and id not in seen:
        seen.add(id)
        id = references[id]
    return id


def _alignable(document: _Document, root: Element) -> dict[str, tuple[float, float]]:
    """The times of every annotation between two slots, in milliseconds; slots without time divide what is between."""
    slots: dict[Element, list[str]] = {}
    for tier, annotation in _annotations(root, "ALIGNABLE_ANNOTATION"):
        slots.setdefault(tier, []).extend(annotation.get(name, "") for name in _ENDS)
    times = {tier: _divided(document, each) for tier, each in slots.items()}
    found: dict[str, tuple[float, float]] = {}
    for tier, annotation in _annotations(root, "ALIGNABLE_ANNOTATION"):
        start, end = (times[tier].get(annotation.get(name, "")) for name in _ENDS)
        if start is None or end is None:
            raise fault(document.source, _where(tier, annotation), "has a slot without time. Correct it in ELAN.")
        found[annotation.get("ANNOTATION_ID", "")] = start, end
    return found


def _divided(document: _Document, slots: Sequence[str]) -> dict[str, float]:
    """The time of each slot of a tier; those without one lie equally far apart, as ELAN shows them."""
    times: dict[str, float] = {}
    waiting: list[str] = []
    before: float | None = None
    for slot in dict.fromkeys(slots):
        time = document.slots.get(slot)
        if time is None:
            waiting.append(slot)
            continue
        if before is not None:
            step = (time - before) / (len(waiting) + 1)
            times |= {each: before + step * number for number, each in enumerate(waiting, start=1)}
        waiting, before = [], float(time)
        times[slot] = before
    return times


def _begun(address: str, count: int) -> Element:
    """A document that will have so many annotations."""
    root = Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "unreel",
            "DATE": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    suffix = address.rpartition(".")[2].lower()
    place = {"MEDIA_URL": _url(address), "MIME_TYPE": _MIME_TYPES.get(suffix, "video/*")}
    if not _URL.match(place["MEDIA_URL"]):
        place["RELATIVE_MEDIA_URL"] = place["MEDIA_URL"]
    SubElement(header, "MEDIA_DESCRIPTOR", place)
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(count)
    return root


def _url(address: str) -> str:
    """A path as ELAN writes it, without escapes; relative to the document where it is not absolute."""
    if _URL.match(address):
        return address
    if _DRIVE.match(address):
        return f"file:///{address}".replace("\\", "/")
    return f"file://{address}" if address.startswith("/") else f"./{address}"


def _path(url: str) -> str:
    """The path that a URL of a file names; other URLs as they are."""
    path = re.sub(r"^(file:(//)?|\./)", "", url, count=1, flags=re.IGNORECASE)
    return path[1:] if _DRIVE.match(path[1:]) else path


def _add_tiers(root: Element, segments: Segments) -> None:
    """Slots in the order of time, then tiers on which nothing overlaps, as ELAN has it."""
    spans = [_span(segment) for segment in segments]
    ends = sorted((time, number, side) for number, span in enumerate(spans) for side, time in enumerate(span))
    order = SubElement(root, "TIME_ORDER")
    ids: dict[tuple[int, int], str] = {}
    for place, (time, number, side) in enumerate(ends, start=1):
        ids[number, side] = f"ts{place}"
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{place}", "TIME_VALUE": str(time)})
    on_layer = layers(("", float(start), float(end)) for start, end in spans)
    for layer in range(max(on_layer, default=0) + 1):
        name = "unreel" if layer == 0 else f"unreel {layer + 1}"
        tier = SubElement(root, "TIER", {"TIER_ID": name, "LINGUISTIC_TYPE_REF": _TYPE})
        for number, segment in enumerate(segments):
            if on_layer[number] == layer:
                said = {"ANNOTATION_ID": f"a{number + 1}"}
                said |= {"TIME_SLOT_REF1": ids[number, 0], "TIME_SLOT_REF2": ids[number, 1]}
                annotation = SubElement(SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", said)
                SubElement(annotation, "ANNOTATION_VALUE").text = segment.label
    SubElement(
        root,
        "LINGUISTIC_TYPE",
        {"LINGUISTIC_TYPE_ID": _TYPE, "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"},
    )


def _span(segment: Segment) -> tuple[int, int]:
    """From when to when, in milliseconds; ELAN has no moments.

    Raises:
        SettingsError: it has no such times either.
    """
    start, end = round(segment.start * 1000), round(segment.end * 1000)
    if end >= _LONGEST:
        raise SettingsError(f"{quoted(segment.label)} ends at {segment.end:g} s, which ELAN cannot hold.")
    return start, max(end, start + 1)
