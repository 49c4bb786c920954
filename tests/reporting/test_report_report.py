"""The page: whole, well-formed, self-contained, and safe with any name."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outline import Outline
from reporting_fixtures import made_up_run, made_up_test
from retrievals import changed

from unreel.errors import OutputError
from unreel.reporting.recognition import ShownTest
from unreel.reporting.report import ReportInputs, write_report
from unreel.reporting.run_section import ShownRun
from unreel.video.collection.manifest import Manifest

HOSTILE = [
    "<script>alert(1)</script>.mp4",
    "</style></script><img src=x onerror=alert(1)>.mp4",
    "\"quotes\" & 'more'.mp4",
    "{{ 7 * 7 }}{% if %}.mp4",
    "emoji 🎬 ünïcödé.mp4",
    "https://example.org/a.mp4",
]
Make = Callable[..., Any]


def _write(inputs: ReportInputs, folder: Path, seed: int = 0) -> tuple[str, Outline]:
    html = write_report(inputs, folder / "report.html", seed=seed).read_text(encoding="utf-8")
    return html, Outline(html)


def _assert_self_contained(html: str, outline: Outline) -> None:
    for tag, attributes in outline.elements:
        for name in {"src", "href", "srcset", "poster", "action", "xlink:href"} & set(attributes):
            assert attributes[name].startswith(("#", "data:")), f"<{tag} {name}={attributes[name]}>"
    style = outline.text["style"][0]
    assert "@import" not in style
    assert all(address.startswith("data:image/webp;base64,") for address in re.findall(r"url\(([^)]*)\)", style))
    assert "default-src 'none'" in html


def test_every_section_is_there(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    html, outline = _write(make_inputs(make_manifest()), tmp_path)
    sections = [attributes["id"] for tag, attributes in outline.elements if tag == "section"]
    assert sections == ["collection", "training", "retrieval", "gallery", "map", "next"]
    identifiers = Counter(attributes["id"] for _, attributes in outline.elements if "id" in attributes)
    assert set(identifiers.values()) == {1}
    assert not outline.having("class", "empty")
    _assert_self_contained(html, outline)
    assert re.search(r"R@1 by action</dt><dd><s>25\.0 %</s>.*<b>75\.0 %</b>", html)
    assert "13 video files scanned in <code>videos</code>: 12 kept, 1 skipped; 2 other files ignored." in html
    assert "truncated: the index of the file is missing" in html
    assert "protocol <b>gap</b> · split <b>leave one person out</b> · level <b>5</b>" in html
    assert html.count('class="scores"') == 2
    assert len(outline.having("class", "chart")) == 3
    assert len(outline.having("class", "map")) == 2
    assert "unreel embed runs/tiny videos" in html


def test_every_video_is_embedded_once_and_shown_moving(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    html, outline = _write(make_inputs(make_manifest()), tmp_path)
    strips = re.findall(r"url\((data:[^)]*)\)", html)
    assert len(strips) == 12
    assert len(set(strips)) == 12
    gallery = [each["class"] for each in outline.having("class", "clip")]
    assert len(gallery) == 12 + 2 * 8 * (1 + 2 * 5)  # the reel; by two labels: eight queries, two encoders, five each
    assert len(outline.having("class", "dot")) == 2 * 2 * 12 + 3 + 2


def test_right_and_wrong_are_told_without_colour(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    _, outline = _write(make_inputs(make_manifest()), tmp_path)
    tiles = Counter(verdict for verdict in ("right", "wrong") for _ in outline.having("class", verdict))
    signs = Counter(each["aria-label"] for each in outline.having("class", "sign"))
    assert signs == tiles
    assert min(tiles.values()) > 0
    assert sum(tiles.values()) == 2 * 8 * 2 * 5


def test_hostile_names_stay_names(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    manifest = make_manifest(HOSTILE)
    hostile = [replace(each, labels={name: name for name in HOSTILE[:3]}, reason=HOSTILE[1]) for each in manifest]
    manifest = replace(manifest, records=tuple(hostile), source=HOSTILE[1])
    inputs = make_inputs(manifest, title=HOSTILE[1], subtitle=HOSTILE[0], next_steps=HOSTILE)
    metrics = [{"step": 1, HOSTILE[0]: 1.0, HOSTILE[1]: 2.0}]
    inputs = replace(inputs, runs=[ShownRun(HOSTILE[1], "pretraining", {HOSTILE[0]: HOSTILE[1]}, metrics)])
    retrievals = [
        changed(each, encoder=HOSTILE[0], seen=1, missing=dict.fromkeys(HOSTILE, "")) for each in inputs.retrievals
    ]
    html, outline = _write(
        replace(inputs, retrievals=retrievals, vectors={HOSTILE[1]: inputs.vectors["hdc"]}), tmp_path
    )
    assert [tag for tag, _ in outline.elements].count("script") == 2
    assert not any(tag == "img" or name.startswith("on") for tag, attributes in outline.elements for name in attributes)
    assert outline.text["h1"] == outline.text["title"][:1] == [HOSTILE[1]]
    assert {each["id"] for each in outline.data["videos"]} == set(HOSTILE)
    assert set(HOSTILE) <= set(outline.text["code"])
    assert "49" not in outline.text["code"]
    _assert_self_contained(html, outline)


@settings(max_examples=20)
@given(text=st.text(max_size=40))
def test_any_text_is_shown_as_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    run = ShownRun(text, "pretraining", {text: text}, [])
    inputs = ReportInputs(text, text, Manifest(Path("nowhere"), ()), [run, run], [], {}, [text])
    out = write_report(inputs, tmp_path_factory.mktemp("any") / "report.html")
    outline = Outline(out.read_bytes().decode())
    assert outline.text["h1"] == [text]
    assert text in outline.text["code"]


def test_a_name_that_is_no_unicode_is_spelled_out(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    html, outline = _write(make_inputs(make_manifest(["a.mp4", "latin \udce9.mp4"])), tmp_path)
    assert "latin \\udce9.mp4" in html
    assert {each["id"] for each in outline.data["videos"]} == {"a.mp4", "latin \udce9.mp4"}


def test_empty_sections_name_the_command_that_fills_them(
    make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    inputs = make_inputs(make_manifest(), runs=[], retrievals=[], vectors={}, next_steps=[])
    html, outline = _write(inputs, tmp_path)
    assert len(outline.having("class", "empty")) == 5
    for command in ("unreel pretrain", "unreel evaluate retrieval", "unreel embed", "unreel --help"):
        assert f"<code>{command}</code>" in html
    assert "R@" not in outline.text["dt"]
    assert len(outline.having("class", "clip")) == 12


def test_a_collection_of_nothing_makes_a_page(tmp_path: Path) -> None:
    html, _ = _write(ReportInputs("Empty", "", Manifest(tmp_path, ()), [], [], {}, []), tmp_path)
    assert "0 video files scanned: 0 kept, 0 skipped; 0 other files ignored." in html


def test_without_labels_nothing_is_evaluated(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    manifest = make_manifest()
    plain = replace(manifest, records=tuple(replace(each, labels={}) for each in manifest))
    inputs = make_inputs(plain)
    unscored = [replace(each, scores=()) for each in inputs.retrievals]
    html, outline = _write(replace(inputs, retrievals=unscored), tmp_path)
    assert len(outline.having("class", "unscored")) == 8 * 2 * 5
    assert {each["aria-label"] for each in outline.having("class", "sign")} == {"unscored"}
    assert not outline.having("class", "switch")
    assert "no label <small>12</small>" in html


def test_a_removed_video_is_a_named_placeholder(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    manifest = make_manifest()
    removed = manifest.usable[0]
    manifest.file(removed).unlink()
    html, outline = _write(make_inputs(manifest), tmp_path)
    assert html.count("url(data:") == 11
    placeholders = outline.having("class", "gone")
    assert placeholders
    assert all("cannot be read any more" in each["title"] for each in placeholders)
    assert removed.id in outline.text["span"]


def test_a_neighbour_of_another_collection_is_a_named_placeholder(
    make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    inputs = make_inputs(make_manifest())
    strange = {
        query: (replace(hits[0], id="elsewhere.mp4"),) for query, hits in inputs.retrievals[0].neighbours.items()
    }
    html, _ = _write(replace(inputs, retrievals=[replace(inputs.retrievals[0], neighbours=strange)]), tmp_path)
    assert 'title="not among the usable videos of this collection"><b>no preview</b><span>elsewhere.mp4</span>' in html


def test_figures_of_fewer_videos_than_expected_say_so(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    inputs = make_inputs(make_manifest())
    fewer = changed(inputs.retrievals[1], seen=11, expected=12, missing={"lost.mp4": ""}, level=4)
    html, _ = _write(replace(inputs, retrievals=[inputs.retrievals[0], fewer]), tmp_path)
    assert "<td>11 of 12 <span" in html
    assert 'aria-label="fewer than expected"' in html
    assert "⚠ hdc: 11 of 12 videos seen; the figures are about fewer videos than expected" in html
    assert "<li>lost.mp4</li>" in html
    assert "These encoders were measured in different settings: their figures do not compare." in html


def test_large_maps_are_sampled_and_say_so(
    make_manifest: Make, make_inputs: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unreel.reporting.selection.MOST_ON_MAP", 9)
    monkeypatch.setattr("unreel.reporting.selection.MOST_MOVING", 4)
    monkeypatch.setattr("unreel.reporting.selection.REEL", 2)
    html, outline = _write(make_inputs(make_manifest(), retrievals=[]), tmp_path)
    assert "Shown are 9 of 12 videos, drawn at random." in html
    assert "To keep the page small, a random 4 of them move." in html
    assert 4 <= html.count("url(data:") <= 4 + 2
    assert [len(points) for points in outline.data["maps"]] == [9, 9]
    still = [each for each in outline.data["videos"] if each["reason"] == "not in the sample that moves"]
    assert len(still) >= 9 - 4 - 2


def test_retrieval_is_told_class_by_class_and_link_by_link(
    make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    html, outline = _write(make_inputs(make_manifest()), tmp_path)
    assert html.count('<th scope="col">mAP</th>') == 2
    assert html.count('class="purity"') == 2
    assert '<th scope="col">5 nearest</th>' in html
    assert len(outline.having("class", "classes")) == 2
    assert len(outline.having("class", "matrix")) == 2 * 2
    assert "Retrieval by person: R@1, beside it mAP, in percent" in html


def test_of_several_splits_the_first_is_shown(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    inputs = make_inputs(make_manifest())
    parts = {"gallery_seen": 8, "gallery_expected": 8, "queries_seen": 4, "queries_expected": 4}
    splits = [
        changed(each, split=split, expected=12, seen=12, **parts) for each in inputs.retrievals for split in ("1", "2")
    ]
    html, outline = _write(replace(inputs, retrievals=splits), tmp_path)
    assert "Shown are the results of split 1." in html
    assert "Of split 1." in html
    assert len(outline.having("class", "query")) == 2 * 8
    assert len(outline.having("class", "mean")) == 2 * 2 * 2  # of two encoders by two labels, in two tables
    assert "4 of 4 queries, 8 of 8 in the gallery" in html
    assert "split <b>1, 2</b>" in html


def test_several_runs_are_beside_each_other(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    runs = [made_up_run("one", seed="0"), made_up_run("two", seed="1")]
    html, outline = _write(make_inputs(make_manifest(), runs=runs), tmp_path)
    assert "2 runs, and all in which they differ" in html
    assert "<dt>recipe</dt><dd>hdc</dd>" in html
    assert '<tr><th scope="row">seed</th><td>0</td><td>1</td></tr>' in html
    assert len(outline.having("class", "chart")) == 4
    assert "2 more charts" in html
    assert [len(chart["lines"]) for chart in outline.data["charts"]] == [2] * 4


def test_a_test_shows_its_figures_classes_and_worst_videos(
    make_manifest: Make, make_inputs: Make, write_video: Make, tmp_path: Path
) -> None:
    manifest = make_manifest()
    record = replace(write_video(tmp_path / "other" / "z.mp4"), labels={"action": "a"})
    elsewhere = Manifest(tmp_path / "other", (record,), source="elsewhere")
    tests = [
        ShownTest("mine", made_up_test(manifest, expected=14, missing={"lost.mp4": "truncated"}), manifest),
        ShownTest("other", made_up_test(elsewhere, wrong=1), elsewhere),
    ]
    html, outline = _write(make_inputs(manifest, tests=tests), tmp_path)
    sections = [attributes["id"] for tag, attributes in outline.elements if tag == "section"]
    assert sections == ["collection", "training", "recognition", "retrieval", "gallery", "map", "next"]
    assert '<h2 id="collection-title">Collections</h2>' in html
    assert "in <code>elsewhere</code>" in html
    assert "⚠ mine: 12 of 14 videos seen" in html
    assert "lost.mp4: truncated" in html
    assert "taken for <b>b</b> <small>60 %</small>, is <b>a</b> <small>10 %</small>" in html
    assert outline.data["videos"][-1]["id"] == "z.mp4"
    assert outline.having("class", f"clip-{len(outline.data['videos']) - 1}")
    assert re.search(r"Top-1 of action</dt><dd><b>66.7 %</b>", html)


def test_a_fine_tuned_run_alone_has_no_sections_of_pretraining(
    make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    run = replace(made_up_run("mine"), kind="fine-tuning")
    html, outline = _write(make_inputs(make_manifest(), runs=[run], retrievals=[], vectors={}), tmp_path)
    sections = [attributes["id"] for tag, attributes in outline.elements if tag == "section"]
    assert sections == ["collection", "training", "recognition", "next"]
    assert "Nothing was held out, so nothing was tested: <code>unreel finetune --split</code>" in html


def test_split_every_video_of_a_map_moves(
    make_manifest: Make, make_inputs: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unreel.reporting.selection.MOST_MOVING", 2)
    out = write_report(make_inputs(make_manifest(), retrievals=[]), tmp_path / "report.html", split=True)
    html = out.read_text(encoding="utf-8")
    assert "of them move." not in html
    assert "url(data:" not in html
    assert len(list((tmp_path / "report_files").iterdir())) == html.count("url(report_files/") == 12
    assert "Its moving pictures lie in the folder beside it: send both together." in html


def test_the_same_seed_makes_the_same_page(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    inputs = make_inputs(make_manifest())
    first, again, other = (_write(inputs, tmp_path, seed)[0] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_page_replaces_the_one_before_and_leaves_nothing_else(
    make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    out = tmp_path / "new folder" / "report.html"
    inputs = make_inputs(make_manifest(), retrievals=[], vectors={})
    assert write_report(inputs, out) == out
    write_report(replace(inputs, title="Second"), out)
    assert "<h1>Second</h1>" in out.read_text(encoding="utf-8")
    assert list(out.parent.iterdir()) == [out]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    inputs = ReportInputs("Empty", "", Manifest(tmp_path, ()), [], [], {}, [])
    with pytest.raises(OutputError, match=r"folder cannot be written: Is a directory\. Name another place\.$"):
        write_report(inputs, folder)
    assert list(tmp_path.iterdir()) == [folder]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Name another place"):
        write_report(inputs, tmp_path / "file" / "report.html")
