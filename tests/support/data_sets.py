"""Data sets in small: folders and official lists as the real ones have them, every video a generated clip."""

import struct
from itertools import product
from pathlib import Path

from clips import Clip, solid
from official_lists import Plan, write_hmdb51, write_ucf101

SPLITS = ("1", "2", "3")
TINY = (
    '--pretrain-options=--width 0.0625 --size 32 --clip-length 8 --batch-size 2 --loader-workers 0 --knn-every 0',
    "--finetune-options=--batch-size 2 --loader-workers 0",
    "--steps", "1", "--finetune-steps", "1", "--accelerator", "cpu",
)  # fmt: skip
GONE = "MovieC_wave_f_nm_np1_fr_med_1"


def _parts(group: int) -> dict[str, str]:
    """Every split tests another group."""
    return {split: "test" if int(split) == group else "train" for split in SPLITS}


UCF101: Plan = {
    f"v_{label}_g0{group}_c0{clip}": (label, _parts(group))
    for label, group, clip in product(("Archery", "Bowling"), (1, 2, 3), (1, 2))
}
HMDB51: Plan = {
    f"Movie{title}_{label}_f_nm_np1_fr_med_{clip}": (label, _parts("ABC".index(title) + 1))
    for label, title, clip in product(("clap", "wave"), "ABC", (0, 1))
} | {"MovieD_wave_f_nm_np1_fr_med_0": ("wave", {})}


def data_sets(folder: Path) -> Path:
    """UCF-101 whole, hmdb51 without the video `GONE`, and six videos to pretrain on; no two files are the same."""
    content = Clip(frames=16, width=40, height=40, pictures=solid(90, 90, 90)).write(folder / "a.mp4").read_bytes()
    write_ucf101(folder / "ucfTrainTestlist", UCF101)
    write_hmdb51(folder / "testTrainMulti_7030_splits", HMDB51)
    places = [f"UCF-101/{label}/{name}.avi" for name, (label, _) in UCF101.items()]
    places += [f"hmdb51/{label}/{name}.avi" for name, (label, _) in HMDB51.items() if name != GONE]
    places += [f"kinetics400/train/zumba/{number}.mp4" for number in range(6)]
    for number, place in enumerate(places):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + struct.pack(">I4sI", 12, b"free", number))
    return folder
