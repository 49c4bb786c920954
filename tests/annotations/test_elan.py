"""ELAN: documents as version 6 saves them (after EAFv3.0.xsd), and its rules for what unreel writes."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from annotated import Rows, made, read, rejection, rows
from hypothesis import given
from hypothesis import strategies as st

from unreel.annotations import elan
from unreel.annotations.segments import MediaFacts, Segment, Segments, read_segments, write_segments
from unreel.errors import SettingsError

MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/Users/Anna/my videos/a.mp4" MIME_TYPE="video/mp4" {}/>'
SOUND = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/Users/Anna/a.wav" MIME_TYPE="audio/x-wav" EXTRACTED_FROM="a.mp4"/>'
SLOTS = "".join(
    f'<TIME_SLOT TIME_SLOT_ID="ts{number}"{value}/>'
    for number, value in enumerate(
        [' TIME_VALUE="1500"', "", "", ' TIME_VALUE="4500"', ' TIME_VALUE="6000"', ' TIME_VALUE="7250"'], start=1
    )
)


def alignable(id: int, first: int, last: int, value: str) -> str:
    """An annotation between two slots."""
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{id}" TIME_SLOT_REF1="ts{first}" '
        f'TIME_SLOT_REF2="ts{last}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'
    )


def reference(id: int, other: int, value: str) -> str:
    """An annotation of another."""
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a{id}" ANNOTATION_REF="a{other}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


def document(*annotations: str, tier: str = "behaviour", media: str = MEDIA.format("") + SOUND, more: str = "") -> str:
    """A document with one tier and perhaps another."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-05-01T10:14:04+01:00" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}
        <PROPERTY NAME="lastUsedAnnotationId">9</PROPERTY>
    </HEADER>
    <TIME_ORDER>{SLOTS}</TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{tier}">{"".join(annotations)}</TIER>{more}
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


PATH = "C:/Users/Anna/my videos/a.mp4"


def test_annotations_are_between_slots_and_references_where_their_parents_are(tmp_path: Path) -> None:
    tier = f'<TIER LINGUISTIC_TYPE_REF="ref" TIER_ID="who" PARENT_REF="behaviour">{reference(2, 1, "Rex")}</TIER>'
    assert read(tmp_path, document(alignable(1, 5, 6, " run\n"), more=tier)) == (
        Segment(PATH, 6.0, 7.25, "Rex"),
        Segment(PATH, 6.0, 7.25, "run"),
    )


def test_slots_without_time_divide_what_is_between_those_with(tmp_path: Path) -> None:
    content = document(alignable(1, 1, 2, "a"), alignable(2, 2, 3, "b"), alignable(3, 3, 4, "c"))
    assert [(each.label, each.start, each.end) for each in read(tmp_path, content)] == [
        ("a", 1.5, 2.5),
        ("b", 2.5, 3.5),
        ("c", 3.5, 4.5),
    ]


def test_every_video_has_its_own_time(tmp_path: Path) -> None:
    media = MEDIA.format('TIME_ORIGIN="500"') + '<MEDIA_DESCRIPTOR MEDIA_URL="./b.mp4" MIME_TYPE="video/mp4"/>' + SOUND
    assert read(tmp_path, document(alignable(1, 5, 6, "run"), media=media)) == (
        Segment(PATH, 6.5, 7.75, "run"),
        Segment("b.mp4", 6.0, 7.25, "run"),
    )


def test_what_has_no_value_is_called_as_its_tier(tmp_path: Path) -> None:
    assert read(tmp_path, document(alignable(1, 5, 6, ""), tier="run")).labels == ["run"]
    assert "tier 'default', annotation 'a1': has no label." in rejection(
        tmp_path, document(alignable(1, 5, 6, ""), tier="default")
    )


def test_a_sound_alone_is_what_is_annotated(tmp_path: Path) -> None:
    assert read(tmp_path, document(alignable(1, 5, 6, "run"), media=SOUND)).paths == ["C:/Users/Anna/a.wav"]


def test_other_encodings_are_read(tmp_path: Path) -> None:
    content = document(alignable(1, 5, 6, "été")).replace("UTF-8", "UTF-16").encode("utf-16")
    assert read(tmp_path, content).labels == ["été"]


ENTITIES = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n<ANNOTATION_DOCUMENT/>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document(alignable(1, 6, 5, "run")), "annotation 'a1': ends at 6 s, before its start at 7.25 s."),
        (document(alignable(1, 2, 5, "run")), "tier 'behaviour', annotation 'a1': has a slot without time. Correct it"),
        (document(alignable(1, 5, 9, "run")), "annotation 'a1': has a slot without time."),
        (document(reference(1, 2, "run")), "annotation 'a1': belongs to no annotation with times. Correct it in ELAN."),
        (document(reference(1, 2, "a"), reference(2, 1, "b")), "belongs to no annotation with times."),
        (document(alignable(1, 5, 6, "run"), media=""), "names no video. Link it in ELAN (Edit > Linked Files)."),
        (document().replace("7250", "soon"), "slot: got the time 'soon', expected milliseconds."),
        (document().replace('"milliseconds"', '"PAL-frames"'), "has times in 'PAL-frames', expected milliseconds."),
        (
            document(media=MEDIA.format('TIME_ORIGIN="-9000"')).replace("</TIER>", alignable(1, 5, 6, "x") + "</TIER>"),
            "starts at -3 s, expected 0 s or later.",
        ),
        (document()[:-30], "is no XML (unclosed token"),
        ("<html><body/></html>", "is XML with the root 'html', expected ANNOTATION_DOCUMENT."),
        ("<ANNOTATION_DOCUMENT/>", "has no HEADER, which names the video."),
        (ENTITIES, "has a document type (DOCTYPE), which ELAN never writes. Expected a table"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "is no XML (unknown encoding"),
    ],
)
def test_a_wrong_document_is_explained(tmp_path: Path, content: str, message: str) -> None:
    assert message in rejection(tmp_path, content)


def test_depth_and_size_are_no_trouble(tmp_path: Path) -> None:
    assert "is XML with the root 'a'" in rejection(tmp_path, "<a>" * 50_000 + "</a>" * 50_000)


@given(drawn=rows(st.sampled_from(["run/é ü.mp4", "/far/a%20b.mp4", "C:/x/a.mp4", "https://example.org/a.mp4"])))
def test_a_document_is_read_as_it_was(drawn: Rows) -> None:
    for path, segments in made(drawn, 1000.0, moments=False).by_path().items():
        content = elan.document_text(segments, {path: MediaFacts()}).encode()
        assert elan.segments_of(Path("d"), content) == segments
        assert_valid(ElementTree.fromstring(content))


CHILDREN = {
    "ANNOTATION_DOCUMENT": ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE"],
    "HEADER": ["MEDIA_DESCRIPTOR", "PROPERTY"],
    "TIME_ORDER": ["TIME_SLOT"],
    "TIER": ["ANNOTATION"],
    "ANNOTATION": ["ALIGNABLE_ANNOTATION"],
    "ALIGNABLE_ANNOTATION": ["ANNOTATION_VALUE"],
}
REQUIRED = {
    "ANNOTATION_DOCUMENT": {"DATE", "AUTHOR", "VERSION"},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL", "MIME_TYPE"},
    "TIME_SLOT": {"TIME_SLOT_ID"},
    "TIER": {"TIER_ID", "LINGUISTIC_TYPE_REF"},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID"},
    "ALIGNABLE_ANNOTATION": {"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
}


def assert_valid(root: ElementTree.Element) -> None:
    """The rules of EAFv3.0.xsd for the elements that unreel writes, and ELAN's own: nothing on a tier overlaps."""
    for element in root.iter():
        kinds = [child.tag for child in element]
        assert kinds == sorted(kinds, key=CHILDREN.get(element.tag, []).index)
        assert element.attrib.keys() >= REQUIRED.get(element.tag, set())
    slots = {each.attrib["TIME_SLOT_ID"]: int(each.attrib["TIME_VALUE"]) for each in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    ids = [*slots, *(each.attrib["ANNOTATION_ID"] for each in root.iter("ALIGNABLE_ANNOTATION"))]
    assert len(set(ids)) == len(ids) == len(list(root.iter("TIME_SLOT"))) + len(list(root.iter("ANNOTATION")))
    assert {each.attrib["LINGUISTIC_TYPE_REF"] for each in root.iter("TIER")} == {"default-lt"}
    for tier in root.iter("TIER"):
        spans = [
            (slots[each.attrib["TIME_SLOT_REF1"]], slots[each.attrib["TIME_SLOT_REF2"]])
            for each in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        assert all(start < end for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_file_is_written_with_its_overlaps_on_tiers_and_moments_a_millisecond_long(tmp_path: Path) -> None:
    segments = Segments(
        [Segment("a.mp4", 1.0, 3.0, "run", 0.9), Segment("a.mp4", 2.0, 2.0, "<hit>"), Segment("a.mp4", 4.0, 5.0, "run")]
    )
    write_segments(tmp_path / "d.eaf", segments, media={"a.mp4": MediaFacts(duration=9.0)})
    assert [(each.start, each.end, each.label) for each in read_segments(tmp_path / "d.eaf")] == [
        (1.0, 3.0, "run"),
        (2.0, 2.001, "<hit>"),
        (4.0, 5.0, "run"),
    ]
    root = ElementTree.parse(tmp_path / "d.eaf").getroot()
    assert_valid(root)
    assert [tier.attrib["TIER_ID"] for tier in root.iter("TIER")] == ["unreel", "unreel 2"]


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (Segments(), "ELAN has one video in each file, and these are 0"),
        (Segments([Segment(path, 0.0, 1.0, "run") for path in "ab"]), "these are 2: 'a', 'b'. Write a file for each."),
        (
            Segments([Segment("a", 0.0, 1.0, "\x01")]),
            r"'\\x01' has characters that XML cannot hold. Rename that label.",
        ),
        (Segments([Segment("a", 0.0, 5e6, "run")]), "'run' ends at 5e\\+06 s, which ELAN cannot hold."),
    ],
)
def test_what_elan_cannot_hold_is_explained(tmp_path: Path, segments: Segments, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        write_segments(tmp_path / "d.eaf", segments, media={})
    assert not list(tmp_path.iterdir())
