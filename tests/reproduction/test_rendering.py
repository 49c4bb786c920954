"""A table in all its forms, against text."""

import csv
import io
from pathlib import Path

import pytest

from unreel.console import show
from unreel.reproduction.columns import Figure, FigureOrigin
from unreel.reproduction.rendering import comma_separated, latex, markdown, terminal, write_all
from unreel.reproduction.results import TableCell, TableResults, TableRow
from unreel.reproduction.rows import PaperRow

OTHERS = PaperRow(("Büchler & al. [5]", ""), (58.6, None))
HDC = PaperRow(("HDC†", "C3D"), (73.1, 39.5), "hdc-slow", "c3d")
SCRATCH = PaperRow(("scratch", "C3D"), (51.4, 22.5), "scratch", "c3d")
MISSING = {"b.avi": "no video stream"}
FIGURES = (
    Figure(
        "hdc-slow-c3d", "UCF101", 70.0, FigureOrigin("/data/UCF-101", "1", "9 steps", "hdc", "abc", 0, 99, 100, MISSING)
    ),
    Figure(
        "hdc-slow-c3d", "UCF101", 72.5, FigureOrigin("/data/UCF-101", "2", "9 steps", "hdc", "abc", 0, 100, 100, {})
    ),
)
OUTCOME = TableResults(
    "table3",
    "Table 3: recognition, top-1 %",
    ("method", "architecture"),
    ("UCF101", "HMDB51"),
    ("UCF101", "HMDB51"),
    (
        TableRow(OTHERS, (None, None)),
        TableRow(HDC, (TableCell(71.25, 1.77, fewer=True), None)),
        TableRow(SCRATCH, (None, None)),
    ),
    FIGURES,
    ("Data: /data/UCF-101.", "FEWER VIDEOS SEEN", "Command: unreel reproduce table3"),
)
MARKDOWN = """**Table 3: recognition, top-1 %**

| method | architecture | UCF101, paper | UCF101, ours | HMDB51, paper | HMDB51, ours |
| --- | --- | ---: | ---: | ---: | ---: |
| Büchler & al. [5] |  | 58.6 | not run | – | not run |
| HDC† | C3D | 73.1 | 71.2 ± 1.8 (!) | 39.5 | – |
| scratch | C3D | 51.4 | – | 22.5 | – |

- Data: /data/UCF-101.
- FEWER VIDEOS SEEN
- Command: unreel reproduce table3

| figures of | column | data | split | protocol | encoder | checkpoint | seed | seen | expected |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| hdc-slow-c3d | UCF101 | /data/UCF-101 | 1 | 9 steps | hdc | abc | 0 | 99 | 100 |
| hdc-slow-c3d | UCF101 | /data/UCF-101 | 2 | 9 steps | hdc | abc | 0 | 100 | 100 |

Made on a day.
"""
LATEX = r"""\begin{table}
\centering
\begin{tabular}{llrrrr}
\toprule
method & architecture & UCF101, paper & UCF101, ours & HMDB51, paper & HMDB51, ours \\
\midrule
B\"uchler \& al. [5] &  & 58.6 & not run & -- & not run \\
HDC$^\dagger$ & C3D & 73.1 & 71.2 $\pm$ 1.8 (!) & 39.5 & -- \\
scratch & C3D & 51.4 & -- & 22.5 & -- \\
\bottomrule
\end{tabular}
\caption{Table 3: recognition, top-1 \%. Data: /data/UCF-101. FEWER VIDEOS SEEN}
\end{table}
"""


def test_markdown() -> None:
    assert markdown(OUTCOME, "Made on a day.") == MARKDOWN


def test_latex() -> None:
    assert latex(OUTCOME) == LATEX


def test_a_line_of_csv_for_every_figure_and_for_what_was_not_run() -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(OUTCOME).removeprefix("\ufeff"))))
    assert [
        (row["method"], row["column"], row["paper"], row["ours"], row["seen"], row["expected"]) for row in rows
    ] == [
        ("Büchler & al. [5]", "UCF101", "58.6", "", "", ""),
        ("Büchler & al. [5]", "HMDB51", "", "", "", ""),
        ("HDC†", "UCF101", "73.1", "70.0000", "99", "100"),
        ("HDC†", "UCF101", "73.1", "72.5000", "100", "100"),
        ("HDC†", "HMDB51", "39.5", "", "", ""),
        ("scratch", "UCF101", "51.4", "", "", ""),
        ("scratch", "HMDB51", "22.5", "", "", ""),
    ]
    assert {row["table"] for row in rows} == {"table3"}
    provenance = ("data", "split", "protocol", "encoder", "checkpoint", "seed")
    assert tuple(rows[2][name] for name in provenance) == ("/data/UCF-101", "1", "9 steps", "hdc", "abc", "0")


def test_the_terminal_shows_both_numbers_of_every_row_and_what_looks_like_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(terminal(OUTCOME))
    said = capsys.readouterr().out
    assert "Büchler & al. [5]" in said
    (hdc,) = (line for line in said.split("\n") if "HDC†" in line)
    assert "73.1" in hdc
    assert "71.2 ± 1.8 (!)" in hdc
    assert "Command: unreel reproduce table3" in said


@pytest.mark.parametrize(("printed", "shown"), [(("UCF101",), "UCF101, paper | weizmann, ours"), (("x",), "x, paper")])
def test_the_paper_s_data_keep_their_name_beside_other_data(printed: tuple[str, ...], shown: str) -> None:
    line = TableRow(PaperRow(("hdc",), (69.0,), "hdc", "r3d18"), (TableCell(50.0, None),))
    found = TableResults("table1", "Table 1", ("row",), ("weizmann",), printed, (line,), (), ())
    assert shown in markdown(found, "…")


def test_a_bar_in_a_path_does_not_end_a_cell() -> None:
    line = TableRow(PaperRow(("a|b",), (69.0,), "hdc", "r3d18"), (TableCell(50.0, None),))
    found = TableResults("table1", "Table 1", ("row",), ("UCF101",), ("UCF101",), (line,), (), ())
    assert "| a&#124;b | 69.0 | 50.0 |" in markdown(found, "…")


def test_all_files_are_written_and_written_again(tmp_path: Path) -> None:
    for _ in range(2):
        paths = write_all(OUTCOME, tmp_path, "Made on a day.")
    assert [path.name for path in paths] == ["table3.md", "table3.csv", "table3.tex"]
    assert paths[0].read_text(encoding="utf-8") == MARKDOWN
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table3.csv", "table3.md", "table3.tex"]
