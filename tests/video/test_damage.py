"""One damaged packet costs what is in it, whatever the codec and the container."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from clips import Clip

from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.scan import scan

FRAMES = 60
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zeros": lambda found: bytes(len(found)),
    "noise": lambda found: found[::-1],
}


def _damaged(path: Path, damage: Callable[[bytes], bytes]) -> Path:
    """The file with a packet from its middle damaged behind its first bytes."""
    with av.open(str(path)) as container:
        packets = [each for each in container.demux(video=0) if each.size and each.pos is not None]
    packet = packets[len(packets) // 2]
    begin, end = packet.pos + min(8, packet.size // 4), packet.pos + packet.size
    content = path.read_bytes()
    path.write_bytes(content[:begin] + damage(content[begin:end]) + content[end:])
    return path


def _going_on(path: Path) -> int:
    """How many frames PyAV gives that goes on."""
    count = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                count += len(packet.decode())
            except av.FFmpegError:
                continue
    return count


# HEVC's decoder waits for the next key frame, and what is one packet of ASF has many frames.
LEAST = {"hevc.mp4": 20, "wmv2.wmv": 1}
PAIRS = {
    "mjpeg.avi": Clip(codec="mjpeg", format="yuvj420p"),
    "mpeg4.avi": Clip(codec="mpeg4"),
    "mpeg4.mkv": Clip(codec="mpeg4"),
    "h264.mp4": Clip(),
    "h264.avi": Clip(options={"bf": "0"}),
    "h264.ts": Clip(),
    "hevc.mp4": Clip(codec="libx265", options={"x265-params": "log-level=none"}),
    "vp9.webm": Clip(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "vp8.webm": Clip(codec="libvpx", options={"deadline": "realtime"}),
    "av1.mp4": Clip(codec="libsvtav1", options={"preset": "12", "svtav1-params": "log-level=0"}),
    "mpeg2.ts": Clip(codec="mpeg2video"),
    "prores.mov": Clip(codec="prores_ks", format="yuv422p10le"),
    "wmv2.wmv": Clip(codec="wmv2"),
    "dv.avi": Clip(codec="dvvideo", width=720, height=576),
    "png.mov": Clip(codec="png", format="rgb24"),
    "ffv1.mkv": Clip(codec="ffv1"),
    "flv1.flv": Clip(codec="flv1"),
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Every pair with each kind of damage."""
    folder = tmp_path_factory.mktemp("damage")
    for name, clip in PAIRS.items():
        size = (clip.width, clip.height) if name == "dv.avi" else (96, 64)
        options = {"g": "20"} | clip.options
        for kind, damage in DAMAGES.items():
            path = folder / kind / name
            _damaged(Clip(FRAMES, *size, clip.codec, clip.format, options=options).write(path), damage)
    return scan(folder, folder.with_suffix(".parquet"), ScanOptions(workers=2))


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", PAIRS)
def test_one_damaged_packet_costs_no_more(scanned: Manifest, kind: str, name: str) -> None:
    record = next(record for record in scanned if record.id == f"{kind}/{name}")
    assert record.status == "ok"
    assert record.frames == _going_on(scanned.root / record.id) >= LEAST.get(name, FRAMES - 2)
    whole = record.frames + record.lost
    said = f"{record.lost} of {whole} frames could not be decoded"
    assert record.reason.startswith(said) if record.lost else "could not be decoded" not in record.reason
    if name not in ("h264.ts", "mpeg2.ts", "wmv2.wmv", "flv1.flv"):  # whose packets are lost without a word
        assert whole == FRAMES
