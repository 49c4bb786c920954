"""Runs beside each other: what they share, and what not."""

from reporting_fixtures import made_up_run

from unreel.reporting.run_section import facts, run_charts


def test_what_differs_is_told_run_by_run() -> None:
    runs = [made_up_run("one", seed="0", weights="sc"), made_up_run("two", seed="1")]
    found = facts(runs)
    assert found.names == ["one", "two"]
    assert found.shared == {"recipe": "hdc"}
    assert list(found.differing) == ["seed", "weights", "command"]  # the longest last
    assert (found.differing["seed"], found.differing["weights"]) == (["0", "1"], ["sc", "–"])


def test_a_single_run_differs_from_none() -> None:
    found = facts([made_up_run("one")])
    assert list(found.shared) == ["recipe", "command"]
    assert not found.differing
    assert facts([]).names == []


def test_several_runs_share_their_charts() -> None:
    alone, compared = run_charts([made_up_run("one")]), run_charts([made_up_run("one"), made_up_run("two")])
    assert [line.name for line in alone[0].lines] == ["loss", "spatial 5"]
    assert [line.name for line in compared[0].lines] == ["one", "two"]
    assert run_charts([]) == []
