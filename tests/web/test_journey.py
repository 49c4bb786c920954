"""From a folder as people have it to a name for every video: tidied, twenty labels given in a browser, predicted."""

import csv
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from folders import real_data
from web_fixtures import serving

from unreel.cli import dedupe, embed, predict
from unreel.web.labels import COLUMN
from unreel.web.security import Rules
from unreel.web.site import SiteOptions, opened

LABELS, COPIES, EACH = 20, 6, 49
KINDS = {"weizmann": "", "fights": "surveillance", "pushups": "push-up"}
"""Folder of the real data → what its clips are; of Weizmann's, their action."""


def collection(folder: Path) -> dict[str, str]:
    """147 clips in nested folders, under names that tell nothing, some copied, and a broken file; what each is."""
    chance, truth = random.Random(0), dict[str, str]()
    clips: list[tuple[Path, str]] = []
    for place, label in KINDS.items():
        for path in chance.sample(sorted(path for path in real_data(place).rglob("*") if path.is_file()), EACH):
            clips.append((path, label or path.parent.name))
    chance.shuffle(clips)
    for number, (path, label) in enumerate(clips):
        name = f"{('2023 spring', 'Handy/DCIM', 'from Ann')[number % 3]}/{number % 5}/VID_{number:04}{path.suffix}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
        truth[name] = label
    for name in list(truth)[:COPIES]:
        copied = folder / name
        shutil.copyfile(copied, copied.with_name(f"{copied.stem} - Copy{copied.suffix}"))
    (folder / "from Ann" / "broken.mp4").write_bytes(b"\0" * 3000)
    return truth


def label_in_the_page(page: Any, address: str, truth: dict[str, str]) -> int:
    """Give as many labels as the page suggests videos; how many clicks it took beside keys."""
    page.goto(f"{address}/?order=next")
    page.locator(".tile .screen").first.click()
    for _ in range(LABELS):
        page.wait_for_load_state()
        name = page.locator("h1.name").get_attribute("title")
        label, known = truth[name], {}
        for key in page.locator(".labels [data-key]").all():
            known[key.get_attribute("value")] = key.get_attribute("data-key")
        if label in known:
            page.keyboard.press(known[label])
        else:
            page.keyboard.press("l")
            page.keyboard.type(label)
            page.keyboard.press("Enter")
        page.wait_for_function("name => document.querySelector('h1.name')?.title !== name", arg=name, timeout=60_000)
    return 1


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.browser
def test_from_a_folder_to_a_name_for_every_video(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    begun = time.monotonic()
    truth = collection(tmp_path / "videos")
    dedupe.main([str(tmp_path / "videos"), "--out", str(tmp_path / "copies.csv"), "--to", str(tmp_path / "tidy")])
    assert f"{COPIES} exact copies" in capsys.readouterr().out
    table, labels = tmp_path / "tidy.lance", tmp_path / "mine.csv"
    embed.main(["street651-small", str(tmp_path / "tidy"), "--out", str(table)])
    said = capsys.readouterr().out
    assert "147 videos embedded" in said
    assert "no labels: 147 of 147 videos do not lie one folder deep" in said
    options = SiteOptions([table], labels, cache=tmp_path / "web", uploads=tmp_path / "uploads")
    with opened(options) as site, serving(site, Rules()) as address:
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        clicks = label_in_the_page(context.new_page(), address, truth)
        context.close()
        given = {item.video.row.id: label for item, label in site.labels.given()}
    assert len(given) == LABELS
    assert all(truth[name] == label for name, label in given.items())
    out = tmp_path / "predictions.csv"
    predict.main([str(table), "--labels", str(labels), "--label", COLUMN, "--out", str(out)])
    with out.open(encoding="utf-8-sig", newline="") as file:
        rest = [row for row in csv.DictReader(file) if not row["given"]]
    right = sum(row["label"] == truth[row["path"]] for row in rest) / len(rest)
    said = capsys.readouterr().out
    print(f"{said}\n{100 * right:.1f} % of {len(rest)} right, {clicks} clicks, {time.monotonic() - begun:.0f} s")
    assert len(rest) == 147 - LABELS
    assert right >= 0.75
