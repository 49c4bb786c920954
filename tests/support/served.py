"""Data sets on a server, in the true layout of their archives."""

import io
import zipfile
from pathlib import Path

from official_lists import UCF101, write_ucf101
from rar import rar
from web import Page, Web


def lists(folder: Path) -> dict[str, bytes]:
    """The content of the files of a folder, by their names."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def serve_ucf101(web: Web, clip: bytes, scratch: Path) -> None:
    """UCF-101 below `/m`, all its videos `clip`."""
    written = lists(write_ucf101(scratch / "lists", UCF101))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, content in written.items():
            opened.writestr(f"ucfTrainTestlist/{name}", content)
    web.serve("/m/UCF101TrainTestSplits-RecognitionTask.zip", Page(packed.getvalue()))
    videos = {f"UCF-101/{label}/{name}.avi": clip for name, (label, _) in UCF101.items()}
    web.serve("/m/UCF101.rar", Page(rar(videos, folders=("UCF-101",))))
