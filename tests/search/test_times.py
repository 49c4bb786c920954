"""When clips are shown: evenly, or as the file says."""

from pathlib import Path

from clips import Clip

from unreel.search.times import even_spans, uneven_spans


def test_even() -> None:
    assert even_spans([0, 10], 16, 26, 25.0) == [(0.0, 0.64), (0.4, 1.04)]
    assert even_spans([0], 16, 10, 10.0) == [(0.0, 1.0)]  # looped


def test_frames_that_are_shown_for_different_times(tmp_path: Path) -> None:
    times = [number if number < 20 else 20 + 3 * (number - 20) for number in range(40)]
    path = Clip(frames=40, rate=50, times=times).write(tmp_path / "a.mp4")
    spans = uneven_spans(path, [0, 16, 24], 16, 40, 50.0)
    expected = [(times[0], times[16]), (times[16], times[32]), (times[24], times[39] + 1)]
    assert [(round(start * 50, 3), round(end * 50, 3)) for start, end in spans] == expected


def test_a_file_that_does_not_say_is_taken_for_even(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    short = Clip(frames=20).write(tmp_path / "short.mp4")
    for path in (tmp_path / "text.mp4", tmp_path / "nothing.mp4", short):
        assert uneven_spans(path, [0, 8], 16, 24, 25.0) == even_spans([0, 8], 16, 24, 25.0)
