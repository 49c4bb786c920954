"""Folders of numbered pictures: the command that is told makes a video of all of them, in their order."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from clips import Clip, frames_of, number_of, picture
from folders import make

from unreel.text import quoted
from unreel.video.collection.image_folders import advice


def write_pictures(folder: Path, names: Iterable[str]) -> list[Path]:
    """Pictures that show their place among the names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in names]
    for number, path in enumerate(paths):
        shown = Clip(1, 65, 49, pictures=lambda _, w, h, number=number: picture(number, w, h), format="yuv444p")
        video = shown.write(folder / "one.mkv")
        command = ["ffmpeg", "-v", "error", "-i", str(video), "-update", "1", f"{folder}/one{path.suffix.lower()}"]
        subprocess.run(command, check=True)
        (folder / f"one{path.suffix.lower()}").rename(path)
        video.unlink()
    return paths


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to run what is told")
@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("frames", [f"{number:05}.jpg" for number in range(8, 12)]),
        ("with space", [f"img_{number}.PNG" for number in range(8, 12)]),
        ("it's 100% [a] *", [f"f%d-{number:03}.jpg" for number in (1, 2, 40, 41)]),
        ("unpadded 5% 'b'", [f"{number}.jpg" for number in range(98, 102)]),
        ("bitmaps", ["x000.bmp", "x001.bmp"]),
    ],
)
def test_the_command_makes_a_video_of_the_pictures(tmp_path: Path, folder: str, names: list[str]) -> None:
    paths = write_pictures(tmp_path / folder, names)
    told = advice(paths, tmp_path)
    command = told.split(", as by ")[1]
    subprocess.run(command.replace("ffmpeg", "ffmpeg -v error -nostdin", 1), shell=True, check=True)
    video = tmp_path / f"{folder}.mkv"
    shown = [number_of(frame.to_ndarray(format="gray")) for frame in frames_of(video)]
    assert shown == list(range(len(names)))
    assert told.startswith(f"Numbered pictures are in {quoted(folder)}: make a video of each folder")


def test_the_longest_series_of_a_folder_is_taken(tmp_path: Path) -> None:
    make(tmp_path, *(f"v/img_{number}.jpg" for number in range(5)), *(f"v/flow_{number}.jpg" for number in range(4)))
    assert "/v/img_%d.jpg" in advice((tmp_path / "v").iterdir(), tmp_path)


def test_pictures_of_the_folder_itself_become_a_video_inside(tmp_path: Path) -> None:
    folder = make(tmp_path / "day", "1.jpg", "2.jpg")
    told = advice(folder.iterdir(), folder)
    assert told.startswith("Numbered pictures are in '.': make a video")
    assert told.endswith(f"-start_number 1 -i {folder}/%d.jpg -c:v copy {folder}/day.mkv")


def test_gaps_among_numbers_of_several_lengths_are_told(tmp_path: Path) -> None:
    make(tmp_path, "v/5.jpg", "v/10.jpg")
    assert f"-i '{tmp_path}/v/*.jpg' (once all numbers are as long: 0002, 0010)" in advice(
        (tmp_path / "v").iterdir(), tmp_path
    )


@pytest.mark.parametrize("names", [(), ("1.jpg",), ("a.jpg", "b.jpg"), ("1.txt", "2.txt"), ("1.mp4", "2.mp4")])
def test_other_files_are_no_frames(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert advice(make(tmp_path, *names).iterdir(), tmp_path) == ""
