"""Bytes and hops, held against messages that are passed round a ring one by one, and against what HDC really sends."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from unreel.engine import process_group
from unreel.methods.hdc import HDC
from unreel.planning.communication import BUCKET, Contrast, Network, buckets, sent_to_gather, sent_to_reduce
from unreel.planning.counting import work
from unreel.settings.hdc import HDCSettings

RING = Network(inside=2e9, between=1e9, latency=1e-3, per_machine=4, trees=False)


def _gathered_in_a_ring(parts: int, size: int) -> tuple[int, int]:
    """Rounds, and bytes that each of `parts` processes sends, until all have the parts of `size` bytes of all."""
    have = [{process} for process in range(parts)]
    newest, rounds, sent = list(range(parts)), 0, 0
    while any(len(each) < parts for each in have):
        newest = [newest[process - 1] for process in range(parts)]  # each takes what its neighbour got last
        for process in range(parts):
            have[process].add(newest[process])
        rounds, sent = rounds + 1, sent + size
    return rounds, sent


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_gathering_is_a_message_handed_round(count: int) -> None:
    size = 600
    rounds, sent = _gathered_in_a_ring(count, size)
    assert sent_to_gather(size * count, count) == pytest.approx(sent)
    assert RING.hops(count) == rounds
    assert RING.gather(size * count, count) == pytest.approx(
        sent / RING.bandwidth(count) + rounds * 1e-3 if count > 1 else 0
    )


@pytest.mark.parametrize("count", [2, 3, 8])
def test_adding_up_is_a_round_of_adding_and_a_round_of_gathering(count: int) -> None:
    size = 600 * count
    rounds, sent = _gathered_in_a_ring(count, 600)  # of a count-th part each
    assert sent_to_reduce(size, count) == pytest.approx(2 * sent)
    assert RING.reduce(size, count) == pytest.approx(2 * sent / RING.bandwidth(count) + 2 * rounds * 1e-3)


def test_the_slowest_link_sets_the_pace_and_trees_take_fewer_hops() -> None:
    assert [RING.bandwidth(count) for count in (2, 4, 5)] == [2e9, 2e9, 1e9]
    trees = Network(1e9, 1e9, 1e-3)
    assert [trees.hops(count) for count in (1, 2, 8, 9, 1000)] == [0, 1, 3, 4, 10]
    assert trees.reduce(0, 1000) == pytest.approx(0.020)


def test_gradients_are_added_up_in_buckets() -> None:
    assert [buckets(size) for size in (0, 1, BUCKET, BUCKET + 1)] == [1, 1, 1, 2]


def test_similarities_are_own_anchors_by_all_positives() -> None:
    anchors, positives = torch.zeros(3, 5, 8), torch.zeros(12, 5, 8)
    matrices = torch.einsum("ind,jnd->nij", anchors, positives)
    assert Contrast("c", 5, 8).similarities(12, 4) == matrices.numel() * matrices.element_size()


@pytest.mark.parametrize("both_directions", [False, True])
def test_the_vectors_counted_are_those_that_hdc_sends(monkeypatch: pytest.MonkeyPatch, both_directions: bool) -> None:
    """As one of three processes, whose two others give the same rows; every collective is noted."""
    count, own, sizes = 3, 2, {"gather": [0], "reduce": [0]}
    settings = HDCSettings.model_validate(
        {"folder": Path(), "out": Path(), "width": 0.0625, "size": 16, "clip_length": 8, "alpha": (0, 1, 1)}
        | {"both_directions": both_directions}
    )

    def all_gather(parts: list[Tensor], rows: Tensor) -> None:
        sizes["gather"].append(sum(each.numel() * each.element_size() for each in parts))
        for each in parts:
            each.copy_(rows)

    def all_reduce(values: Tensor) -> None:
        sizes["reduce"].append(values.numel() * values.element_size())

    monkeypatch.setattr(process_group, "count", lambda: count)
    monkeypatch.setattr(process_group, "rank", lambda: 0)
    monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    asked, vectors = work(settings), {}
    for each in asked.contrasts:
        shape = (own, each.positions, each.width) if each.name.startswith("spatial") else (own, each.width)
        for view in ("o", "s" if each.name.startswith("spatial") else "t"):
            vectors[f"{view}/{each.name}"] = torch.randn(shape, requires_grad=True)
    HDC(settings).loss(vectors).total.backward()  # type: ignore[no-untyped-call]

    directions = 1 + both_directions
    whole = sum(each.size(own * count) for each in asked.contrasts) * directions
    assert sum(sizes["gather"]) == whole
    averages = 5 * directions * 2 * 4  # loss and accuracy of every contrast
    assert sum(sizes["reduce"]) == whole + averages
    sent = asked.sent(own * count, count) - sent_to_reduce(asked.gradient_size, count)
    assert sent == pytest.approx(sent_to_gather(whole, count) + sent_to_reduce(whole, count))
