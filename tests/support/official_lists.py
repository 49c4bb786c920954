"""Official lists written as the data sets' authors wrote theirs, from a plan of what they are to say."""

import csv
from pathlib import Path

# name of the file without suffix -> class, part of every split that uses it
Plan = dict[str, tuple[str, dict[str, str]]]

UCF101: Plan = {
    "v_Archery_g01_c01": ("Archery", {"1": "test", "2": "train", "3": "train"}),
    "v_Archery_g01_c02": ("Archery", {"1": "test", "2": "train", "3": "train"}),
    "v_Archery_g02_c01": ("Archery", {"1": "train", "2": "test", "3": "train"}),
    "v_HandStandPushups_g01_c01": ("HandstandPushups", {"1": "test", "2": "train", "3": "train"}),
    "v_HandStandPushups_g03_c01": ("HandstandPushups", {"1": "train", "2": "train", "3": "test"}),
}
HMDB51: Plan = {
    "#20_Rhythm_clap_u_nm_np1_fr_goo_0": ("clap", {"1": "train", "2": "train", "3": "test"}),
    "A&B!(c)_[d];_clap_h_cm_np2_le_bad_1": ("clap", {"1": "test", "3": "train"}),
    "TrumanShow_wave_f_nm_np1_fr_med_26": ("wave", {"1": "train", "2": "test"}),
    "TrumanShow_wave_f_nm_np1_fr_med_27": ("wave", {}),
}
KINETICS: Plan = {
    "--nQbRBEz2s_000104_000114": ("air drumming", {"1": "train"}),
    "_DNb_6w2cZM_000001_000011": ("air drumming", {"1": "val"}),
    "gGGlthnIB-4_000036_000046": ("abseiling", {"1": "train"}),
    "0wR5jVB-WPk_000417_000427": ("abseiling", {"1": "test"}),
}


def write_ucf101(folder: Path, plan: Plan) -> Path:
    """`classInd.txt` and the lists of three splits, with Windows line ends; numbers in the training lists only."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = sorted({label for label, _ in plan.values()})
    numbers = "".join(f"{number} {label}\r\n" for number, label in enumerate(classes, start=1))
    (folder / "classInd.txt").write_bytes(numbers.encode())
    for split in ("1", "2", "3"):
        for part in ("train", "test"):
            lines = [
                f"{label}/{name}.avi" + (f" {classes.index(label) + 1}" if part == "train" else "")
                for name, (label, splits) in plan.items()
                if splits.get(split) == part
            ]
            content = "".join(f"{line}\r\n" for line in lines)
            (folder / f"{part}list0{split}.txt").write_bytes(content.encode())
    return folder


def write_hmdb51(folder: Path, plan: Plan) -> Path:
    """Three lists for every class, with a space at the end of every line."""
    folder.mkdir(parents=True, exist_ok=True)
    for label in {label for label, _ in plan.values()}:
        for split in ("1", "2", "3"):
            marks = {name: splits.get(split) for name, (own, splits) in plan.items() if own == label}
            lines = [f"{name}.avi {[None, 'train', 'test'].index(mark)} \n" for name, mark in marks.items()]
            (folder / f"{label}_test_split{split}.txt").write_text("".join(lines))
    return folder


def write_kinetics(folder: Path, plan: Plan) -> Path:
    """One table for each part, with `is_cc` and labels, but neither in the one for the test."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, part, said in (("train", "train", "train"), ("validate", "val", "validate"), ("test", "test", "test")):
        columns = ["youtube_id", "time_start", "time_end", "split"]
        if part != "test":
            columns = ["label", *columns, "is_cc"]
        with (folder / f"{table}.csv").open("w", newline="") as file:
            rows = csv.DictWriter(file, columns, extrasaction="ignore")
            rows.writeheader()
            for name, (label, splits) in plan.items():
                if splits["1"] == part:
                    start, end = (int(time) for time in name[12:].split("_"))
                    cells = {"label": label, "youtube_id": name[:11], "time_start": start, "time_end": end}
                    rows.writerow(cells | {"split": said, "is_cc": 0})
    return folder
