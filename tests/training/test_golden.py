"""HDC and its subtasks learn what they always learnt, bit for bit where the machine computes as that of golden.json."""

import json
from pathlib import Path

import pytest
from golden_runs import KEPT, RUNS, machine, make_videos, run


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_videos(tmp_path_factory.mktemp("golden") / "shapes")


OFTEN, *OTHERS = RUNS


@pytest.mark.parametrize("name", [OFTEN, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)])
def test_losses_and_weights_are_those_of_old(name: str, videos: Path, tmp_path: Path) -> None:
    kept = json.loads(KEPT.read_text())
    found = run(name, videos, tmp_path / "run")
    if machine() == kept["machine"]:
        assert found == kept[name]
    losses, expected = ([float.fromhex(each) for each in side["losses"]] for side in (found, kept[name]))
    assert losses == pytest.approx(expected, rel=1e-2)
    assert found["norms"] == pytest.approx(kept[name]["norms"], rel=5e-2)
