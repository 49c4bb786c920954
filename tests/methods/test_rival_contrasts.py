"""Rivals that compare or predict, by the book: slow loops over the equations, and what they must give at the ends."""

from math import exp, log

import numpy as np
import pytest
import torch
from rival_runs import batch_of, method_of, settings_of

from unreel.losses import against_queue, nt_xent, predicted
from unreel.methods import ccl, tclr
from unreel.methods import statistics as numbers
from unreel.methods.cvrl import NearClips
from unreel.methods.dpc import PlacewiseGRU
from unreel.methods.momentum import Follower, Queue, rising
from unreel.methods.rspnet import SpeedPairs
from unreel.methods.videomoco import blanked
from unreel.rng import draws_of
from unreel.video.clips.sampling import Pieces


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.dot(a, b) / (a.norm() * b.norm()))


def test_nt_xent_is_that_of_slow_loops() -> None:
    first, second = torch.randn(2, 5, 7, dtype=torch.float64)
    vectors, total = [*first, *second], 0.0
    for i in range(10):
        scores = {j: exp(_cosine(vectors[i], vectors[j]) / 0.1) for j in range(10) if j != i}
        total += log(sum(scores.values())) - log(scores[(i + 5) % 10])
    assert nt_xent(first, second, temperature=0.1).loss.item() == pytest.approx(total / 5)
    same = torch.ones(6, 4)
    assert nt_xent(same, same, temperature=0.1).loss.item() == pytest.approx(2 * log(11), rel=1e-5)


def test_a_queue_is_compared_with_by_slow_loops() -> None:
    queries, keys, queue = torch.randn(3, 4), torch.randn(3, 4), torch.randn(6, 4)
    weights = torch.tensor([1.0, 0.5, 0.9, 1.0, 0.1, 0.7])
    total = 0.0
    for i in range(3):
        own = exp(_cosine(queries[i], keys[i]) / 0.1)
        others = sum(exp(float(weights[j]) * _cosine(queries[i], queue[j]) / 0.1) for j in range(6))
        total -= log(own / (own + others)) / 3
    found = against_queue(queries, keys, queue, temperature=0.1, weights=weights)
    assert found.loss.item() == pytest.approx(total, rel=1e-4)
    same = torch.tensor([[True, *[False] * 5]] * 3)
    without = against_queue(queries, keys, queue, temperature=0.1, own=same).loss
    torch.testing.assert_close(without, against_queue(queries, keys, queue[1:], temperature=0.1).loss)
    nothing = against_queue(torch.zeros(3, 4), keys, queue, temperature=0.1)
    assert nothing.loss.item() == pytest.approx(log(7))


def test_near_clips_are_a_third_apart_on_the_mean_and_either_comes_first() -> None:
    sampling = NearClips(Pieces(4, stride=2))
    apart, first = [], 0
    for number in range(1500):
        table = sampling.frames(97, draws_of(0, 0, str(number)))
        assert table.min() >= 0 and table.max() < 97 and (np.diff(table) == 2).all()
        apart.append(abs(int(table[0, 0]) - int(table[1, 0])))
        first += table[0, 0] < table[1, 0]
    assert np.mean(apart) == pytest.approx(90 / 3, abs=2)
    density, _ = np.histogram(apart, bins=3, range=(0, 90))
    np.testing.assert_allclose(density / 1500, [5 / 9, 3 / 9, 1 / 9], atol=0.05)
    assert first / 1500 == pytest.approx(0.5, abs=0.05)


def test_a_follower_follows_and_a_queue_forgets_the_oldest() -> None:
    settings = settings_of("moco")
    method = method_of(settings)
    keys = Follower(method.encoder, method.head)
    before = [each.clone() for each in keys.encoder.parameters()]
    with torch.no_grad():
        for each in method.encoder.parameters():
            each.add_(1)
    keys.follow(method.encoder, method.head, 0.9)
    for old, new in zip(before, keys.encoder.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1)
        assert not new.requires_grad
    assert rising(0.99, 0, 10) == pytest.approx(0.99) and rising(0.99, 10, 10) == pytest.approx(1)
    assert rising(0.99, 5, 10) == pytest.approx(0.995)
    queue = Queue(7, 3, 4)
    assert queue.keys.shape == (6, 4)
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(6))
    batches = torch.nn.functional.normalize(torch.randn(3, 3, 4), dim=2)
    for number, batch in enumerate(batches):
        queue.push(batch, torch.arange(3) + 10 * number)
    torch.testing.assert_close(queue.keys, torch.cat([batches[2], batches[1]]))
    assert queue.own(torch.tensor([21, 5])).tolist() == [[False, True, *[False] * 4], [False] * 6]
    assert queue.ages(3).tolist() == [0, 0, 0, 1, 1, 1]


def test_moco_compares_with_the_keys_of_the_steps_before() -> None:
    settings = settings_of("moco", queue=8)
    method = method_of(settings)
    outputs = method(batch_of(method, settings))
    keys = outputs["given/keys"]
    assert not keys.requires_grad
    expected = against_queue(outputs["queries"], keys, method.queue.keys, temperature=0.1).loss
    assert torch.equal(method.loss(outputs).total, expected)
    method.updated(outputs, 1)
    assert method.queue.own(outputs["given/videos"])[:, :4].equal(torch.eye(4, dtype=torch.bool))
    torch.testing.assert_close(method.queue.keys[:4], torch.nn.functional.normalize(keys, dim=1))


def test_blanked_frames_have_their_mean() -> None:
    clip = torch.randn(3, 6, 4, 4)
    found = blanked(clip, torch.tensor([1, 4]))
    for frame in range(6):
        expected = clip[:, frame].mean().expand(3, 4, 4) if frame in (1, 4) else clip[:, frame]
        torch.testing.assert_close(found[:, frame], expected)


def test_byol_ends_at_minus_one() -> None:
    method = method_of(settings_of("byol"))
    vectors = torch.randn(4, 256)
    assert method.loss({"predictions": 3 * vectors, "given/targets": vectors}).total.item() == pytest.approx(-1)


def test_rspnet_s_loss_at_the_ends() -> None:
    method = method_of(settings_of("rspnet", queue=64))
    zero = {name: torch.zeros(4, 128) for name in ("query/A", "query/M", "given/same/A", "given/same/M")}
    zero["given/videos"] = torch.arange(4) + 1
    zero |= {"given/other/A": torch.zeros(4, 128), "given/other/M": torch.zeros(4, 128)}
    assert method.loss(zero).total.item() == pytest.approx(2 * log(65) + 2, rel=1e-4)
    along, across = torch.eye(128)[:1].expand(4, 128), torch.eye(128)[1:2].expand(4, 128)
    for cosine, speed in ((0.14, 0.0), (0.07, 1.0), (1.0, 0.0)):
        same = cosine * along + (1 - cosine**2) ** 0.5 * across
        told = zero | {"query/M": along, "given/same/M": same}
        assert method.loss(told).parts["speed"].item() == pytest.approx(speed, abs=1e-4)


def test_rspnet_reads_the_second_clip_at_both_speeds() -> None:
    sampling, speeds = SpeedPairs(16), set()
    for number in range(40):
        query, same, other = sampling.frames(40, draws_of(0, 0, str(number)))
        steps = [int(np.diff(each)[0]) for each in (query, same, other)]
        assert steps[0] == steps[1] and steps[0] + steps[2] == 3 and same[0] == other[0]
        assert max(query.max(), same.max(), other.max()) < 40
        speeds.add(steps[0])
        places = sampling.regions(draws_of(0, 0, str(number)))
        assert (places[1] == places[2]).all() and not (places[0] == places[1]).all()
    assert speeds == {1, 2}


def test_predictions_are_compared_with_all_videos_steps_and_places() -> None:
    made, real = torch.randn(2, 3, 2, 4, 5, dtype=torch.float64)
    rows = [(i, j, k) for i in range(3) for j in range(2) for k in range(4)]
    total = 0.0
    for row in rows:
        scores = {other: float(torch.dot(made[row], real[other])) for other in rows}
        total += log(sum(exp(each) for each in scores.values())) - scores[row]
    assert predicted(made, real).loss.item() == pytest.approx(total / len(rows))
    assert predicted(torch.zeros(3, 2, 4, 5), torch.zeros(3, 2, 4, 5)).loss.item() == pytest.approx(log(24))


def test_dpc_s_rows_are_its_videos() -> None:
    settings = settings_of("dpc", size=48)
    method = method_of(settings)
    batch = batch_of(method, settings, 3, side=52)
    found = method(batch)
    assert found["predictions"].shape == found["targets"].shape == (3, 2, 4, method.encoder.channels[5])
    order = torch.tensor([2, 0, 1])
    turned = type(batch)(
        batch.luma[order], batch.chroma[order], batch.to_rgb[order], tuple(batch.ids[row] for row in order)
    )
    for name, rows in method(turned).items():
        torch.testing.assert_close(rows, found[name][order], atol=1e-5, rtol=1e-4)


def test_the_recurrent_unit_is_that_of_its_equations() -> None:
    unit = PlacewiseGRU(3).double()
    seen, state = torch.randn(2, 2, 4, 3, dtype=torch.float64)
    found = unit(seen, state)
    for i, j in ((0, 0), (1, 3)):
        both = torch.cat([seen[i, j], state[i, j]])
        z, r = torch.split(torch.sigmoid(unit.gates.weight @ both + unit.gates.bias), 3)
        other = torch.cat([seen[i, j], r * state[i, j]])
        candidate = torch.tanh(unit.candidate.weight @ other + unit.candidate.bias)
        torch.testing.assert_close(found[i, j], (1 - z) * state[i, j] + z * candidate)


def test_tclr_s_parts_are_those_of_slow_loops() -> None:
    same = torch.ones(3, 2, 4, 6)
    assert tclr.within(same, 0.1).item() == pytest.approx(log(7), rel=1e-5)
    assert tclr.matched(same, same, 0.1).item() == pytest.approx(log(4), rel=1e-5)
    quarters, slices = torch.randn(2, 3, 2, 4, 6, dtype=torch.float64)
    total = both = 0.0
    for video in range(3):
        flat = [quarters[video, draw, part] for draw in range(2) for part in range(4)]
        for i in range(8):
            scores = {j: exp(_cosine(flat[i], flat[j]) / 0.1) for j in range(8) if j != i}
            total += log(sum(scores.values())) - log(scores[(i + 4) % 8])
        for draw in range(2):
            table = np.array([[_cosine(a, b) / 0.1 for b in quarters[video, draw]] for a in slices[video, draw]])
            both += sum(np.log(np.exp(table[k]).sum()) - table[k, k] for k in range(4)) / 2
            both += sum(np.log(np.exp(table[:, k]).sum()) - table[k, k] for k in range(4)) / 2
    assert tclr.within(quarters, 0.1).item() == pytest.approx(total / 24)
    assert tclr.matched(slices, quarters, 0.1).item() == pytest.approx(both / 24)


@pytest.mark.parametrize("length", [8, 16])
def test_tclr_sees_the_whole_and_its_quarters(length: int) -> None:
    settings = settings_of("tclr", piece_length=length)
    method = method_of(settings)
    outputs = method(batch_of(method, settings, 2))
    assert {name: tuple(each.shape) for name, each in outputs.items()} == {
        "videos": (2, 2, 128),
        "clips": (2, 2, 4, 128),
        "quarters": (2, 2, 4, 128),
        "slices": (2, 2, 4, 128),
    }
    parts = method.loss(outputs).parts
    assert method.loss(outputs).total.item() == pytest.approx(sum(each.item() for each in parts.values()), rel=1e-5)


def test_cycles_are_those_of_slow_loops() -> None:
    frames, videos = torch.randn(3, 2, 5, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    z = [frames[i, k] / frames[i, k].norm() for i in range(3) for k in range(2)]
    v = [each / each.norm() for each in videos]
    there = back = 0.0
    for i in range(3):
        weights = np.array([exp(float(v[i] @ other) / 0.1) for other in z])
        nearest = sum(w * other for w, other in zip(weights / weights.sum(), z, strict=True))
        nearest = nearest / nearest.norm()
        scores = [exp(float(nearest @ other) / 0.1) for other in v]
        there -= log(scores[i] / sum(scores)) / 3
    for row in range(6):
        weights = np.array([exp(float(z[row] @ other) / 0.1) for other in v])
        nearest = sum(w * other for w, other in zip(weights / weights.sum(), v, strict=True))
        nearest = nearest / nearest.norm()
        scores = [exp(float(nearest @ other) / 0.1) for other in z]
        own = row // 2
        back -= log(sum(scores[2 * own : 2 * own + 2]) / sum(scores)) / 6
    found = ccl.cycles(frames, videos, 0.1)
    assert found["video_cycle"].item() == pytest.approx(there)
    assert found["frame_cycle"].item() == pytest.approx(back)
    apart = [float(v[i] @ v[j]) for i in range(3) for j in range(3) if i != j]
    assert found["apart"].item() == pytest.approx(np.mean(apart))
    alone = ccl.cycles(frames[:1], videos[:1], 0.1)
    assert [each.item() for each in alone.values()] == [pytest.approx(0, abs=1e-12)] * 3


def _moving(speed: float, top: int, left: int) -> torch.Tensor:
    """A textured patch on a grey clip of 16 frames that moves to the right, by `speed` pixels of 56 a frame."""
    clip = torch.zeros(1, 3, 16, 56, 56)
    texture = 0.2 + 0.8 * torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    for frame in range(16):
        start = left + round(speed * frame)
        clip[:, :, frame, top : top + 6, start : start + 6] = texture
    return clip


@pytest.mark.parametrize(
    ("top", "left", "places"), [(4, 3, (1, 4, 6)), (4, 46, (4, 4, 7)), (32, 31, (11, 1, 1)), (18, 18, (6, 1, 5))]
)
def test_what_moves_is_found_where_it_moves(top: int, left: int, places: tuple[int, int, int]) -> None:
    found = numbers.motion_statistics(_moving(0.1, top, left))[0]
    assert found.shape == (14,) and (found >= 1).all()
    assert tuple(found[:6:2].tolist()) == places  # of the grid, the rings and the triangles
    across, down = numbers.lucas_kanade(_grey(_moving(1.0, top, left if left < 40 else 20)))
    assert across.mean() > 4 * down.mean().abs() > 0 and across.max() > 0.1


def test_a_boundary_s_direction_is_one_of_eight() -> None:
    """Left of an edge nothing moves, right of it all does: the flow's change points to the right."""
    part = torch.zeros(1, 2, 28, 28)
    part[..., 17:] = 1.0
    across, down = numbers._derivatives(part)
    place, way = numbers._strongest(
        torch.hypot(across, down).sum(dim=1), numbers._octant(across.sum(dim=1), down.sum(dim=1)), numbers.patterns()[0]
    )
    assert way.item() == 0 and place.item() % 4 == 2
    turned, _ = numbers._derivatives(part.mT)
    assert (turned == 0).all()


def _grey(clips: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.adaptive_avg_pool3d(clips[:, :1], (None, 28, 28))[:, 0]


def test_nothing_moves_in_a_still_clip() -> None:
    still = torch.rand(2, 3, 1, 32, 32).expand(2, 3, 8, 32, 32) * 2 - 1
    assert (numbers.motion_statistics(still) == 1).all()
    assert ((numbers.appearance_statistics(still) >= 1) & (numbers.appearance_statistics(still) <= 16)).all()


def test_statistics_are_those_of_slow_loops() -> None:
    strength, direction = torch.rand(1, 28, 28), torch.randint(0, 8, (1, 28, 28))
    clip = torch.rand(1, 3, 3, 28, 28) * 2 - 1
    told = iter(numbers.appearance_statistics(clip)[0].tolist())
    for pattern in numbers.patterns():
        places = int(pattern.max()) + 1
        cells = [[(y, x) for y in range(28) for x in range(28) if pattern[y, x] == place] for place in range(places)]
        means = [np.mean([float(strength[0, y, x]) for y, x in cell]) for cell in cells]
        best = int(np.argmax(means))
        sums = [sum(float(strength[0, y, x]) for y, x in cells[best] if direction[0, y, x] == d) for d in range(8)]
        place, way = (int(each) for each in numbers._strongest(strength, direction, pattern))
        assert (place, way) == (best, int(np.argmax(sums)))
        overlaps, colours = [], []
        for cell in cells:
            shares = []
            for channel in range(3):
                counts = np.zeros((3, 32))
                for t, (y, x) in ((t, each) for t in range(3) for each in cell):
                    counts[t, min(31, int((float(clip[0, channel, t, y, x]) + 1) / 2 * 32))] += 1
                shares.append(counts.min(axis=0).sum() / counts.max(axis=0).sum())
            overlaps.append(np.mean(shares))
            seen = np.zeros(8)
            for t, (y, x) in ((t, each) for t in range(3) for each in cell):
                r, g, b = (int(float(clip[0, channel, t, y, x]) > 0) for channel in range(3))
                seen[4 * r + 2 * g + b] += 1
            colours.append(int(seen.argmax()))
        for place in (int(np.argmin(overlaps)), int(np.argmax(overlaps))):
            assert (next(told), next(told)) == (place + 1, colours[place] + 1)
    assert len(list(told)) == 1


def test_patterns_have_as_many_places_as_the_paper_says() -> None:
    grid, rings, triangles = numbers.patterns()
    assert [int(each.max()) + 1 for each in (grid, rings, triangles)] == [16, 4, 8]
    assert [len(torch.unique(each)) for each in (grid, rings, triangles)] == [16, 4, 8]
    assert torch.equal(rings, rings.flip(0)) and rings[13, 13] == 0 and rings[0, 0] == 3
