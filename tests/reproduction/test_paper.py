"""The paper's tables against their text in the PDF, line by line."""

import re

import pytest

from unreel.errors import SettingsError
from unreel.recipes import RIVALS, ROWS
from unreel.reproduction.paper import TABLES, for_folder, restricted
from unreel.reproduction.rows import PaperRow
from unreel.settings.encoder import BASELINES

TABLE_1 = """
sc | 5 | – | 1 | – | 61.3
tc | – | 5 | – | 1 | 62.7
sc+tc | 5 | 5 | 1 | 1 | 65.5
two-level | 4, 5 | 4, 5 | 1, 1 | 1, 1 | 66.9
two-level-weighted | 4, 5 | 4, 5 | 0.5, 1 | 0.5, 1 | 67.8
three-level | 3, 4, 5 | 3, 4, 5 | 1, 1, 1 | 1, 1, 1 | 66.8
scratch | – | – | – | – | 43.5
hdc | 3, 4, 5 | 3, 4, 5 | 0.25, 0.5, 1 | 0.25, 0.5, 1 | 69.0
"""
TABLE_2 = """
no-colour-jitter | ✗ | | | | 65.4
no-channel-replication | | ✗ | | | 61.0
no-colour-change | ✗ | ✗ | | | 49.4
no-flip | | | ✗ | | 68.0
no-scale-jitter | | | | ✗ | 64.7
hdc | | | | | 69.0
"""
# As the PDF's text has it: HMDB51 first, the paper's own numbers in parentheses, architectures apart from the names.
TABLE_3 = """
CaffeNet: Random Initialization [45] 13.3 38.6
CaffeNet: Shuffle & Learn [45] 18.1 50.2
CaffeNet: Büchler et al. [5] 25.0 58.6
VGG-M-2048: Random Initialization [39] 18.3 51.1
VGG-M-2048: OPN [39] 23.8 59.8
R3D-18: Random Initialization [74] 21.5 54.4
R3D-18: Clip Order [74] 29.5 64.9
R3D-18: VCP [41] 31.5 66.0
R3D-18+1: Random Initialization [33] 19.4 44.7
R3D-18+1: CCL [33] 37.8 69.4
2D3D-ResNet18: Random Initialization [15] 17.1 46.5
2D3D-ResNet18: DPC [15] 34.5 68.2
I3D: Random Initialization [4] 29.6 47.9
I3D: SpeedNet [4] 43.7 66.7
3D-ResNet18: Random Initialization [18] 17.1 (19.1) 42.4 (43.8)
3D-ResNet18: 3D-RotNet [30] 33.7 62.9
3D-ResNet18: 3D-ST-Puzzle [32] 33.7 65.8
3D-ResNet18: HDC† 38.4 69.8
3D-ResNet18: HDC 38.1 68.5
C3D: Random Initialization [74] 23.2 (22.5) 61.6 (51.4)
C3D: Motion & Appearance [67] 33.4 61.2
C3D: Clip Order [74] 28.4 65.6
C3D: VCP [41] 32.5 68.5
C3D: Cho et al. [8] 34.3 70.4
C3D: HDC† 39.5 73.1
C3D: HDC 39.3 72.3
R(2+1)D-10: Random Initialization [74] 22.0 56.2
R(2+1)D-10: Clip Order [74] 30.9 72.4
R(2+1)D-10: VCP [41] 32.2 66.3
R(2+1)D-10: Cho et al. [8] 36.8 74.8
R(2+1)D-10: PacePrediction [68] 36.6 77.1
R(2+1)D-10: HDC† 40.0 76.8
R(2+1)D-10: HDC 39.8 76.2
"""
RETRIEVAL = {
    "table4": """
OPN [39] | | 19.9 28.7 34.0 40.6 51.6
Büchler et al. [5] | | 25.7 36.2 42.2 49.2 59.5
Random Initialized | C3D | 16.7 27.5 33.7 41.4 53.0
Clip Order [74] | C3D | 12.5 29.0 39.0 50.6 66.9
VCP [41] | C3D | 17.3 31.5 42.0 52.6 67.7
CCL [33] | R3D-18+1 | 22.0 39.1 44.6 56.3 70.8
HDC | C3D | 33.9 49.6 55.7 61.6 69.9
""",
    "table5": """
Random Initialized | C3D | 7.4 20.5 31.9 44.5 66.3
Clip Order [74] | C3D | 7.4 22.6 34.4 48.5 70.1
VCP [41] | C3D | 7.8 23.8 35.3 49.3 71.6
HDC | C3D | 14.6 28.8 36.1 44.8 57.9
""",
}


def _lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().split("\n")]


@pytest.mark.parametrize(("name", "text"), [("table1", TABLE_1), ("table2", TABLE_2)])
def test_tables_1_and_2_say_what_each_row_does(name: str, text: str) -> None:
    table = TABLES[name]
    assert [[*row.labels, f"{row.paper[0]:.1f}"] for row in table.rows] == _lines(text)
    assert all(len(row.labels) == len(table.labels) for row in table.rows)
    assert (table.data, table.splits) == (("ucf101",), ("1",))


def test_table_3() -> None:
    expected: list[tuple[str, str, tuple[float, float], bool]] = []
    for line in TABLE_3.strip().split("\n"):
        match = re.fullmatch(r"(.+?): (.+?) ([\d.]+)(?: \(([\d.]+)\))? ([\d.]+)(?: \(([\d.]+)\))?", line)
        assert match
        architecture, method, hmdb51, own_hmdb51, ucf101, own_ucf101 = match.groups()
        ours = method.startswith("HDC") or (architecture, method[:6]) == ("R(2+1)D-10", "Random")
        expected.append((method, architecture, (float(ucf101), float(hmdb51)), ours))
        if own_ucf101:
            numbers = (float(own_ucf101), float(own_hmdb51))
            expected.append(("Random Initialization, the paper's own", architecture, numbers, True))
    table = TABLES["table3"]
    assert [(*row.labels, row.paper, bool(row.recipe)) for row in table.rows] == expected
    assert (table.heads, table.splits) == (("UCF101", "HMDB51"), ("1", "2", "3"))
    assert {row.name for row in table.ours} == {
        f"{recipe}{encoder}" for recipe in ("scratch", "hdc", "hdc-slow") for encoder in ("", "-c3d", "-r2plus1d10")
    }


@pytest.mark.parametrize("name", RETRIEVAL)
def test_tables_4_and_5(name: str) -> None:
    rows = restricted(TABLES[name], ()).rows
    assert [[*row.labels, " ".join(f"{each:.1f}" for each in row.paper)] for row in rows] == _lines(RETRIEVAL[name])
    assert [row.name for row in rows if row.recipe] == ["untrained-c3d", "hdc-c3d"]


def test_every_row_of_ours_is_a_recipe_and_has_a_number_for_every_column() -> None:
    for table in TABLES.values():
        assert all(row.recipe in ROWS or row.recipe == "untrained" for row in table.ours)
        assert all(len(row.paper) == len(table.columns) for row in table.rows)
        assert len({row.name for row in table.ours}) == len(table.ours)


def test_figures_compare_the_encoders_of_the_paper() -> None:
    assert [row.labels for row in TABLES["figure1"].rows] == [("SC",), ("TC",), ("HDC",)]
    assert [row.labels for row in TABLES["figure4"].rows] == [("SC",), ("TC",), ("SC+TC",), ("HDC",)]


def test_some_rows_only() -> None:
    names: list[PaperRow] = list(restricted(TABLES["table4"], ["hdc-c3d"]).rows)
    assert [row.recipe for row in names] == ["", "", "", "", "", "hdc"]
    assert restricted(TABLES["table1"], []) == TABLES["table1"]
    with pytest.raises(SettingsError, match=r"table2 has no row 'sc' to run\. Its rows are: no-colour-jitter, "):
        restricted(TABLES["table2"], ["sc"])


def test_rivals_are_run_by_name_and_marked_where_their_data_was_their_own() -> None:
    table = restricted(TABLES["table3"], ("vcop-c3d", "hdc-c3d", "vcop"))
    run = {row.name: row for row in table.ours}
    assert list(run) == ["vcop", "vcop-c3d", "hdc-c3d"]
    assert run["vcop-c3d"].paper == (65.6, 28.4) and run["vcop-c3d"].rival == RIVALS["vcop"]
    assert run["vcop"].labels == ("Clip Order [74]", "R3D-18")
    assert ("PacePrediction [68]", "R(2+1)D-10") in {row.labels for row in table.rows}  # shown, not run
    assert [row.name for row in restricted(TABLES["table4"], ()).ours] == ["untrained-c3d", "hdc-c3d"]
    own = for_folder(table, "people")
    assert [row.name for row in own.ours] == ["vcop-short", "vcop-short-c3d", "hdc-c3d"]
    with pytest.raises(SettingsError, match=r"has no row 'vcop-r3d18' to run. Its rows are: .*vcop-c3d"):
        restricted(TABLES["table3"], ("vcop-r3d18",))


def test_baselines_are_rows_of_tables_4_and_5_where_they_are_named() -> None:
    for name in ("table4", "table5"):
        assert not {row.could for row in restricted(TABLES[name], ("hdc-c3d",)).rows} & {*BASELINES}
        found = restricted(TABLES[name], ("mean-frame", "hdc-c3d"))
        assert [row.name for row in found.ours] == ["hdc-c3d", "mean-frame"]
        assert found.rows[-1].labels == ("mean-frame", "–")
    with pytest.raises(SettingsError, match="table1 has no row 'motion-map' to run"):
        restricted(TABLES["table1"], ("motion-map",))


def test_section_4_1_compares_temporal_contrast_with_and_without_spatial_augmentations() -> None:
    rows = TABLES["sec41"].ours
    assert {row.name: row.paper for row in rows} == {
        "hdc-c3d": (72.3, 39.3),
        "plain-temporal-view-c3d": (68.9, 38.0),
    }
    assert TABLES["sec41"].splits == ("1", "2", "3")
