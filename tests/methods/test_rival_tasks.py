"""Rivals that are told by classes, by the book: what is read, what is shown, and which answer is right."""

from collections import Counter
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rival_runs import batch_of, method_of, settings_of

from unreel.augment import apply_views
from unreel.losses import classification
from unreel.methods import cloze, opn, order_adaptive, pace_contrast, puzzle, rotnet, shuffle_learn
from unreel.methods.ordering import order_drawn
from unreel.methods.playback import SPEEDS, Played
from unreel.methods.speednet import BothSpeeds
from unreel.rng import Draw, draws_of
from unreel.video.clips.sampling import Pieces

VIDEOS = 200


def _draws(count: int = VIDEOS) -> list[Draw]:
    return [draws_of(0, 0, f"{number}.mp4") for number in range(count)]


def _sampling(name: str, **changes: Any) -> Any:
    return method_of(settings_of(name, **changes)).sampling


@given(
    length=st.integers(1, 9),
    count=st.integers(1, 4),
    gap=st.integers(0, 5),
    stride=st.integers(1, 4),
    more=st.integers(0, 30),
    seed=st.integers(0, 99),
)
def test_pieces_are_those_of_a_slow_loop(length: int, count: int, gap: int, stride: int, more: int, seed: int) -> None:
    pieces = Pieces(length, count, gap, stride)
    draw = draws_of(seed, 0, "video")
    table = pieces.frames(pieces.needed + more, draw)
    start = int(draw("clips").integers(more + 1))
    expected = []
    for _ in range(count):
        expected.append([start + stride * frame for frame in range(length)])
        start = expected[-1][-1] + 1 + gap
    assert table.tolist() == expected
    assert table.max() < pieces.needed + more
    assert pieces.regions(draw).shape == (count, 2)


def test_pieces_may_share_a_place_or_the_centre() -> None:
    draw = draws_of(0, 0, "video")
    assert len(np.unique(Pieces(2, 3).regions(draw), axis=0)) == 3
    assert len(np.unique(Pieces(2, 3, together=True).regions(draw), axis=0)) == 1
    assert (Pieces(2, 3, random_region=False).regions(draw) == 0.5).all()


def test_vcop_s_label_is_the_place_of_the_order_among_all() -> None:
    sampling, seen = _sampling("vcop"), Counter[int]()
    for draw in _draws():
        number = order_drawn(draw, 3)
        order = list(permutations(range(3)))[number]
        table = sampling.frames(sampling.needed + 3, draw)
        ordered: list[list[int]] = [[], [], []]
        for place, piece in enumerate(order):
            ordered[piece] = table[place].tolist()
        assert ordered == sorted(ordered) and ordered[1][0] - ordered[0][-1] == 5  # a gap of 4 frames
        seen[number] += 1
    assert list(permutations(range(3))).index((2, 0, 1)) == 4
    assert len(seen) == 6 and min(seen.values()) > VIDEOS / 12
    settings = settings_of("vcop")
    method = method_of(settings)
    targets = method(batch_of(method, settings))["given/targets"].tolist()
    assert targets == [order_drawn(draw, 3) for draw in _draws(4)]


def test_opn_has_one_class_for_an_order_and_its_reverse() -> None:
    orders = list(permutations(range(4)))
    classes = [opn.class_of(number) for number in range(24)]
    assert all(classes[orders.index(order)] == classes[orders.index(order[::-1])] for order in orders)
    assert Counter(classes) == dict.fromkeys(range(12), 2)


def test_opn_guards_its_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("opn")
    method = method_of(settings)
    batch, seen, apart = batch_of(method, settings), [], opn._apart

    def watched(*given: Any) -> Any:
        seen.append((given[-1], apart(*given)))
        return seen[-1][1]

    monkeypatch.setattr(opn, "_apart", watched)
    views = opn.guarded_views(method.view, method.settings, batch)
    patches, pieces = zip(*seen, strict=True)
    assert all(torch.equal(each.box, patches[0].box) and torch.equal(each.flip, patches[0].flip) for each in patches)
    boxes = torch.stack([each.box for each in pieces])
    patch = patches[0].box
    assert (boxes[:, :, :2] >= patch[:, :2] - 1e-6).all()
    assert (boxes[:, :, :2] + boxes[:, :, 2:] <= patch[:, :2] + patch[:, 2:] + 1e-6).all()
    assert len(torch.unique(boxes[:, 0], dim=0)) == 4
    assert all((each.channel >= 0).all() for each in pieces)
    assert len({int(each.channel[0]) for each in pieces} | {int(each.channel[1]) for each in pieces}) > 1
    assert all(torch.equal(view[:, 0], view[:, 1]) and torch.equal(view[:, 1], view[:, 2]) for view in views)


def test_a_tuple_is_in_order_where_its_middle_lies_inside() -> None:
    sampling, right = _sampling("shuffle-learn"), 0
    for draw in _draws():
        shown = shuffle_learn.tuple_drawn(draw)
        table = sampling.frames(sampling.needed + 9, draw)
        first, middle, last = (rows[0] for rows in table)
        assert shuffle_learn.in_order(shown) == (min(first, last) < middle < max(first, last))
        assert abs(last - first) == 12 and (np.diff(table) == 1).all()  # two pieces of six frames apart
        right += shuffle_learn.in_order(shown)
    assert right / VIDEOS == pytest.approx(0.25, abs=0.08)
    logits = torch.tensor([[1.0, 0.0]]).expand(8, 2)
    loss = classification(logits, torch.tensor([0, 0, 0, 1] * 2), {"order": 1}, balanced=True)
    assert loss.figures["accuracy/order"].item() == 0.5  # a constant answer is right in 75 %


def test_a_pace_is_the_difference_of_frames() -> None:
    settings = settings_of("pace")
    method = method_of(settings)
    batch = batch_of(method, settings, 50)
    targets = method(batch)["given/targets"]
    seen = Counter[int]()
    for draw, target in zip(_draws(50), targets.tolist(), strict=True):
        table = method.sampling.frames(40, draw)
        assert set(np.diff(table[0])) == {target + 1} and table.min() >= 0 and table.max() < 40
        seen[target] += 1
    assert set(seen) == {0, 1, 2, 3}
    assert method.sampling.needed == 29


def test_two_paces_differ_and_without_contrast_it_is_the_mean_of_both() -> None:
    settings = settings_of("pace-contrast", contrast_weight=0.0)
    method = method_of(settings)
    for draw in _draws(50):
        table = method.sampling.frames(33, draw)
        paces = [int(np.diff(row)[0]) for row in table]
        assert tuple(paces) == pace_contrast.paces_drawn(draw, 4) and paces[0] != paces[1]
        assert table.min() >= 0 and table.max() < 33
    outputs = method(batch_of(method, settings))
    logits, targets = outputs["logits"], outputs["given/targets"]
    both = [torch.nn.functional.cross_entropy(logits[:, row], targets[:, row]) for row in range(2)]
    torch.testing.assert_close(method.loss(outputs).total, (both[0] + both[1]) / 2)


def test_both_speeds_begin_with_one_frame() -> None:
    sampling = BothSpeeds(16)
    for draw in _draws(50):
        slow, fast = sampling.frames(sampling.needed + 4, draw)
        assert slow[0] == fast[0] and set(np.diff(slow)) == {1} and set(np.diff(fast)) == {2}
        places = sampling.regions(draw)
        assert (places[0] == places[1]).all()
        assert fast[-1] < sampling.needed + 4


def test_playback_shows_one_clip_backwards() -> None:
    sampling = Played(16)
    for draw in _draws(50):
        order = list(permutations(range(3)))[order_drawn(draw, 3)]
        table = sampling.frames(35, draw)
        assert [int(np.diff(row)[0]) for row in table] == [SPEEDS[each] for each in order]
        assert table.min() >= 0 and table.max() < 35
        backwards = table[order.index(0)]
        assert (backwards[::-1] == backwards.min() + np.arange(16)).all()


def test_four_turns_are_none_and_two_flip_both_axes() -> None:
    clips = torch.randn(2, 3, 4, 6, 6)
    turned = rotnet.turned(clips)
    assert torch.equal(turned[2], clips.flip(3, 4))
    assert torch.equal(rotnet.turned(turned[1])[3], clips)
    for turn, (line, column) in product(range(4), ((0, 1), (2, 5))):
        x, y = column, line
        for _ in range(turn):  # against the clock: what is at the right comes up
            x, y = y, 5 - x
        assert torch.equal(turned[turn][..., y, x], clips[..., line, column])


def test_puzzles_in_space_are_quadrants_and_in_time_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("puzzle")
    method = method_of(settings)
    batch = batch_of(method, settings, 12, side=64)
    orders = list(permutations(range(4)))
    monkeypatch.setattr(puzzle, "KEPT", 1.0)  # a piece fills its cell
    draws: list[Any] = []
    for row in range(4):

        def watched(each: Any, row: int = row) -> Any:
            draws.append((each, method._cell(batch, row, each)))
            return each

        method.view(batch, "pieces", row, watched)
    for number, draw in enumerate(_draws(12)):
        order, whole = orders[order_drawn(draw, 4)], draws[0][0]
        table = method.sampling.frames(40, draw)
        if puzzle.is_in_space(draw):
            assert len({tuple(row) for row in table.tolist()}) == 1
            shown = apply_views(batch.luma[:, 0], batch.chroma[:, 0], batch.to_rgb, _plain(whole), 32)
            for row, cell in enumerate(order):
                piece = apply_views(batch.luma[:, 0], batch.chroma[:, 0], batch.to_rgb, _plain(draws[row][1]), 16)
                top, left = 16 * (cell // 2), 16 * (cell % 2)
                expected = shown[number, :, :, top : top + 16, left : left + 16]
                torch.testing.assert_close(piece[number], expected, atol=1e-4, rtol=0)
        else:
            starts = table[:, 0]
            assert [int(each) for each in starts.argsort().argsort()] == list(order)
            assert set(np.diff(np.sort(starts))) == {8}
            assert torch.equal(draws[0][1].box[number], whole.box[number])
    kinds = Counter(puzzle.is_in_space(draw) for draw in _draws())
    assert min(kinds.values()) > VIDEOS / 3


def _plain(draws: Any) -> Any:
    """The same boxes, unflipped and with colours as they are: those depend on the mean of what is seen."""
    jitter = torch.tensor([1.0, 1.0, 1.0, 0.0]).expand_as(draws.jitter)
    return type(draws)(draws.box, torch.ones_like(draws.flip), jitter, torch.full_like(draws.channel, -1))


def test_cloze_operations_are_those_of_index_loops() -> None:
    clip = torch.randn(3, 8, 6, 6)
    order = (2, 0, 3, 1)
    moved, exchanged = cloze.quadrants_moved(clip, order), cloze.quarters_exchanged(clip, 1, 3)
    for t, y, x in product(range(8), range(6), range(6)):
        source = order[2 * (y // 3) + x // 3]
        assert torch.equal(moved[:, t, y, x], clip[:, t, 3 * (source // 2) + y % 3, 3 * (source % 2) + x % 3])
        from_time = {1: 3, 3: 1}.get(t // 2, t // 2) * 2 + t % 2
        assert torch.equal(exchanged[:, t, y, x], clip[:, from_time, y, x])
    for operation, draw in product((cloze.TURNED, cloze.SPACE, cloze.TIME), _draws(30)):
        assert not torch.equal(cloze._operated(clip, operation, draw("how")), clip)
    assert torch.equal(cloze._operated(clip, cloze.LEFT, draws_of(0, 0, "0")("how")), clip)


def test_cloze_replaces_by_a_piece_far_off() -> None:
    sampling, seen = _sampling("cloze", replaced=True, piece_length=8, piece_gap=4), Counter[int]()
    for draw in _draws():
        operation = cloze.operation_drawn(draw, 5)
        first, middle, last = sampling.frames(sampling.needed + 20, draw)
        seen[operation] += 1
        assert last[0] - first[0] == 24
        if operation == cloze.REPLACED:
            assert first[0] - middle[-1] > 16 or middle[0] - last[-1] > 16
            assert middle.min() >= 0 and middle.max() < sampling.needed + 20
        else:
            assert middle[0] - first[0] == 12
    assert set(seen) == set(range(5))


def test_orders_that_are_told_wrongly_come_more_often() -> None:
    method = method_of(settings_of("order-adaptive"))
    torch.testing.assert_close(method.probabilities(), torch.full((24,), 1 / 24, dtype=torch.float64))
    method.errors[7] = 0.3
    expected = np.exp(np.where(np.arange(24) == 7, 3.0, 0.0))
    expected = 0.1 / 24 + 0.9 * expected / expected.sum()
    np.testing.assert_allclose(method.probabilities().numpy(), expected, rtol=1e-6)
    ends = method.probabilities().cumsum(dim=0).tolist()
    drawn = Counter(order_adaptive._number_drawn(draw, ends) for draw in _draws(2000))
    assert drawn[7] / 2000 == pytest.approx(expected[7], abs=0.03)
    wrong, targets = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([2, 2, 5])
    found = order_adaptive.followed(torch.full((24,), 0.4), wrong, targets)
    assert found[2].item() == pytest.approx(0.99 * 0.4 + 0.01 * 0.5)
    assert found[5].item() == pytest.approx(0.99 * 0.4 + 0.01)
    assert found[0].item() == pytest.approx(0.4)


def test_features_lose_their_running_mean_where_that_is_wanted() -> None:
    settings = settings_of("rotnet", centre=True)
    method = method_of(settings)
    outputs = method(batch_of(method, settings))
    method.updated(outputs, 1)
    mean = outputs["given/features"].mean(dim=(0, 1))
    torch.testing.assert_close(method.centre.mean, 0.1 * mean)
    again = method(batch_of(method, settings))
    torch.testing.assert_close(again["given/features"], outputs["given/features"])
    assert not torch.allclose(again["logits"], outputs["logits"])
