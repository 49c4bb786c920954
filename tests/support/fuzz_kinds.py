"""The part of the fuzz corpus that is sound, of every kind there is, or odd."""

import struct
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition, Stream
from clips import Clip, rotate
from fuzz_pieces import (
    H264,
    LOSSLESS,
    MJPEG,
    MPEG4,
    Corpus,
    Decoration,
    Expected,
    Fate,
    encoded,
    numbered,
    patched,
    remuxed,
    retimed,
    silence,
)


def counts(corpus: Corpus) -> None:
    """Very few frames, and many."""
    for frames in (1, 2, 15, 16, 17):
        for suffix, clip in {"mp4": H264, "avi": MPEG4, "mkv": LOSSLESS}.items():
            corpus.video(f"counts/{frames}.{suffix}", replace(clip, frames=frames))
    corpus.video("counts/250.mp4", replace(H264, frames=250))


def timing(corpus: Corpus) -> None:
    """Rates and times without sense: what can be decoded is not lost for them."""
    gap = [*range(0, 480, 40), *range(86_400_000, 86_400_480, 40)]
    for name, rate, times in (
        ("rate 1.mp4", 1, None),
        ("rate 1 per hour.mkv", Fraction(1, 3600), None),
        ("rate 240.mp4", 240, None),
        ("rate 1000.mp4", 1000, None),
        ("rate 90000.mp4", 90_000, None),
        ("rate 30000 by 1001.mp4", Fraction(30_000, 1001), None),
        ("rate 1000000007 by 33333335.mov", Fraction(1_000_000_007, 33_333_335), None),
        ("variable.mkv", 1000, [i * i for i in range(24)]),
        ("variable.mp4", 1000, [i * i for i in range(24)]),
        ("gap of a day.mkv", 1000, gap),
        ("gap of a day.mp4", 1000, gap),
        ("late.ts", 25, range(1000, 1024)),
        ("late.mkv", 25, range(100_000, 100_024)),
        ("early.mp4", 25, range(-30, -6)),
        ("early.mkv", 25, range(-30, -6)),
    ):
        corpus.video(f"timing/{name}", replace(H264, rate=rate, times=times))
    for name in ("rate 90000.mp4", "early.mp4"):  # their edit list shows nothing
        corpus.expected[f"timing/{name}"] = replace(corpus.expected[f"timing/{name}"], fate="either")
    for suffix in ("mkv", "flv"):
        for name, time in (
            ("the same", lambda _: 40),
            ("decreasing", lambda index: 2000 - 40 * index),
            ("shuffled", lambda index: 40 * (index * 7 % 24)),
            ("jumping", lambda index: 40 * index + 10_000 * (index % 2)),
            ("below 0", lambda index: 40 * index - 2000),
        ):
            path = corpus.video(f"timing/{name}.{suffix}", replace(H264, options={"bf": "0"}))
            path.write_bytes(retimed(path.read_bytes(), time))


def orientations(corpus: Corpus) -> None:
    """Pictures to be turned: every display matrix that is a turn, and some that are none."""
    for turns in range(4):
        for step in (1, -1):

            def turn(upright: np.ndarray, turns: int = turns, step: int = step) -> np.ndarray:
                return np.rot90(upright, turns)[:, ::step]

            path = corpus.video(f"orientations/{90 * turns}{' mirrored' if step < 0 else ''}.mp4", H264, turn)
            rotate(path, quarter_turns=turns, mirrored=step < 0)
    for name, matrix in {
        "45 degrees": (46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30),
        "zeros": (0,) * 9,
        "minus ones": (-1,) * 9,
        "largest": (2**31 - 1,) * 9,
        "smallest": (-(2**31),) * 9,
        "shear": (65536, 0, 0, 65536, 65536, 0, 0, 0, 1 << 30),
        "flat": (65536, 0, 0, 0, 0, 0, 0, 0, 1 << 30),
        "perspective": (65536, 0, 1 << 29, 0, 65536, 1 << 29, 0, 0, -(1 << 30)),
    }.items():
        content = patched(corpus.good("mp4"), b"tkhd", 44, struct.pack(">9i", *matrix))
        corpus.variant(f"orientations/{name}.mp4", content)


def colours(corpus: Corpus) -> None:
    """Pixel formats, ranges and matrices."""
    formats = (
        "yuv410p yuv411p yuv420p yuv422p yuv440p yuv444p yuva420p yuva422p yuva444p gray gray10le gray16le ya8 bgr0 "
        "bgra rgb48le rgba64le gbrp10le gbrp12le gbrp16le gbrap16le yuv420p10le yuv422p10le yuv444p10le yuv420p12le "
        "yuv422p12le yuv444p12le yuv444p16le yuva444p16le"
    )
    matrices = (
        "bt709 fcc bt470bg smpte170m smpte240m GBR YCgCo bt2020nc bt2020c smpte2085 chroma-derived-nc chroma-derived-c "
        "ICtCp"
    )
    for name in formats.split():
        corpus.video(f"colours/{name}.mkv", replace(LOSSLESS, format=name))
    for codec, name in (("libx264", "nv12"), ("libx264", "yuvj444p"), ("libx264rgb", "rgb24"), ("gif", "rgb8")):
        corpus.video(f"colours/{codec} {name}.mov", Clip(codec=codec, format=name))
    for matrix in matrices.split():
        options = {"x264-params": f"colormatrix={matrix}:range=pc"}
        clip = Clip(format="yuv444p" if matrix == "GBR" else "yuv420p", options=options)
        corpus.video(f"colours/matrix {matrix}.mp4", clip)
    corpus.video("colours/black and white.avi", Clip(codec="rawvideo", format="monow"))
    corpus.expected["colours/black and white.avi"] = Expected("ok", 24)  # dithered
    corpus.video("colours/interlaced.mp4", Clip(height=64, options={"x264-params": "tff=1"}))
    corpus.video("colours/interlaced.mpg", Clip(codec="mpeg2video", height=64, options={"flags": "+ilme+ildct"}))


def sizes(corpus: Corpus) -> None:
    """Pictures of odd, absurd and changing sizes and formats."""
    for width, height in (
        (65, 49),
        (33, 65),
        (1, 1),
        (2, 2),
        (3, 1),
        (16, 1),
        (1, 16),
        (17, 255),
        (1, 4000),
        (4000, 2),
    ):
        name = f"sizes/{width}x{height}.avi"
        corpus.video(name, Clip(24, width, height, "png", "rgb24"))
        fate: Fate = "skipped" if max(width, height) > 16 * min(width, height) else "ok"
        video = corpus.expected[name].video if min(width, height) > 16 else 0  # smaller ones show no number
        corpus.expected[name] = Expected(fate, 24, video)
    corpus.video("sizes/512x32.mkv", replace(LOSSLESS, width=512, height=32))
    corpus.video("sizes/aspect 3 to 1.mkv", replace(LOSSLESS, aspect=Fraction(3)))
    corpus.video("sizes/aspect 100000 to 1.mkv", replace(LOSSLESS, aspect=Fraction(100_000)))
    corpus.video("sizes/7680x4320.mp4", Clip(1, 7680, 4320, options={"preset": "ultrafast"}))
    for suffix, first, second in (
        ("ts", Clip(), Clip(width=96, height=96)),
        ("mpg", Clip(codec="mpeg2video"), Clip(codec="mpeg2video", width=96, height=96)),
        ("mjpeg", MJPEG, replace(MJPEG, format="yuvj444p", width=32)),
        ("m2v", Clip(codec="mpeg2video"), Clip(codec="mpeg2video", format="yuv422p")),
        ("mts", Clip(), Clip(format="yuv444p")),
        ("m2ts", Clip(), Clip(format="yuv420p10le")),
    ):
        name = f"sizes/changing.{suffix}"
        path = corpus.video(name, first)
        video = corpus.expected[name].video
        path.write_bytes(path.read_bytes() + encoded(replace(second, pictures=numbered(video, 24)), suffix))
        corpus.expected[name] = Expected("either" if suffix in ("mpg", "m2v") else "ok", 48, video)


def codecs(corpus: Corpus) -> None:
    """One video of every encoder there is that makes decodable files."""
    for suffix, names in (
        ("mkv", "libsvtav1 libx265 jpeg2000 prores_ks snow mpeg1video mpeg2video msmpeg4 libvpx"),
        ("avi", "amv asv1 asv2 cfhd cinepak cljr ffvhuff flashsv flv h263p huffyuv jpegls magicyuv msmpeg4v2 msvideo1"),
        ("avi", "r210 rpza rawvideo speedhq svq1 targa utvideo v210 v308 v408 v410 wmv1 y41p yuv4 zlib png dpx"),
        ("mov", "avrp dxv exr prores qtrle r10k sgi tiff libx265 mpeg4"),
        ("mp4", "libsvtav1 libx265 libvpx-vp9 ffv1 mpeg2video png"),
        ("mxf", "jpeg2000 prores libx264 ffv1"),
        ("flv", "libx265 libvpx-vp9"),
        ("webm", "libsvtav1 libvpx"),
        ("rm", "rv20"),
    ):
        for codec in names.split():
            if codec in av.codecs_available:
                formats = [form.name for form in av.Codec(codec, "w").video_formats or ()]
                form = "yuv420p" if "yuv420p" in formats or not formats else formats[0]
                corpus.video(f"codecs/{codec}.{suffix}", Clip(codec=codec, format=form))
    corpus.video("codecs/h261.avi", Clip(codec="h261", width=176, height=144))
    corpus.video("codecs/h263.3gp", Clip(codec="h263", width=176, height=144))
    corpus.video("codecs/dv.avi", Clip(codec="dvvideo", width=720, height=576))
    corpus.video("codecs/mjpeg.mov", MJPEG)
    corpus.video("codecs/dnxhd.mxf", Clip(2, 1280, 720, "dnxhd", "yuv422p", options={"b": "60M"}))
    open_groups = Clip(60, options={"bf": "3", "g": "12", "x264-params": "open-gop=1"})
    corpus.video("codecs/open groups.mp4", open_groups)
    corpus.video("codecs/open groups.ts", open_groups)
    content = corpus.bytes_of("codecs/open groups.ts")
    middle = content[len(content) // 188 // 3 * 188 :]
    corpus.variant("codecs/from mid-group.ts", middle, "either", "codecs/open groups.ts")
    _with_exif(corpus)
    _packed(corpus)


def _with_exif(corpus: Corpus) -> None:
    """Motion JPEG as cameras write it: every picture says which way up the camera was."""
    path = corpus.video("codecs/mjpeg with EXIF.mjpeg", MJPEG)
    exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    path.write_bytes(path.read_bytes().replace(b"\xff\xd8", b"\xff\xd8" + exif))


def _packed(corpus: Corpus) -> None:
    """MPEG-4 as DivX packed it: a frame and the B-frame before it in one packet, then an empty one."""
    name = "codecs/packed B-frames.avi"
    path = corpus.video(name, Clip(25, codec="mpeg4", options={"bf": "1", "g": "100", "sc_threshold": "1000000000"}))
    content = path.read_bytes()
    with av.open(BytesIO(content)) as inside, av.open(str(path), "w") as outside:
        stream = outside.add_stream_from_template(inside.streams.video[0])
        packets = [bytes(packet) for packet in inside.demux(video=0) if packet.size]
        pairs = zip(packets[1::2], packets[2::2], strict=True)
        packed = [part for pair in pairs for part in (b"".join(pair), b"\0\0\x01\xb6\x50\0\x7f")]
        for time, part in enumerate([b"\0\0\x01\xb2DivX503b1393p" + packets[0], *packed]):
            packet = av.Packet(part)
            packet.pts = packet.dts = time
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, time == 0
            outside.mux(packet)
    corpus.expected[name] = replace(corpus.expected[name], fate="either")


def streams(corpus: Corpus) -> None:
    """Files with other streams than one of video, and video in fragments."""
    video, sound = corpus.good("mp4"), silence(1)
    cover = encoded(Clip(1, codec="png", format="rgb24"), "png")

    def attached(_: OutputContainer, streams: list[Stream]) -> None:
        streams[-1].disposition = Disposition.attached_pic

    def data(container: OutputContainer, _: list[Stream]) -> None:
        container.add_data_stream()

    def attachment(container: OutputContainer, _: list[Stream]) -> None:
        container.add_attachment("cover.png", "image/png", cover)

    mixtures: dict[str, tuple[list[bytes], Decoration]] = {
        "audio only.mkv": ([sound], lambda *_: None),
        "audio only.mp4": ([sound], lambda *_: None),
        "audio and cover.mp4": ([sound, cover], attached),
        "audio and cover.mkv": ([sound], attachment),
        "video and cover.mp4": ([video, cover], attached),
        "video and attachment.mkv": ([video], attachment),
        "two videos.mp4": ([video, video], lambda *_: None),
        "two videos.mkv": ([video, video], lambda *_: None),
        "three sounds.mkv": ([sound, sound, video, sound], lambda *_: None),
        "three sounds.mov": ([video, sound, sound, sound], lambda *_: None),
        "long sound.mov": ([video, silence(100)], lambda *_: None),
        "data.ts": ([video], data),
    }
    for name, (sources, decorate) in mixtures.items():
        content = remuxed(corpus.path(f"streams/{name}"), sources, decorate)
        if video in sources:
            corpus.variant(f"streams/{name}", content, "ok", "mp4")
        else:
            corpus.content(f"streams/{name}", content)
    with av.open(str(corpus.path("streams/subtitles only.mkv")), "w") as container:
        packet = av.Packet(b"Hello")
        packet.stream = container.add_mux_stream("subrip")
        packet.pts, packet.dts, packet.duration, packet.time_base = 0, 0, 1000, Fraction(1, 1000)
        container.mux(packet)
    corpus.expected["streams/subtitles only.mkv"] = Expected("skipped")


def fragments(corpus: Corpus) -> None:
    """MP4 in other orders, and in pieces of which some are missing."""
    video = corpus.good("mp4")
    for name, flags in {"fragmented": "frag_keyframe+empty_moov", "moov first": "faststart"}.items():
        corpus.variant(
            f"streams/{name}.mp4", remuxed(corpus.path(f"streams/{name}.mp4"), [video], movflags=flags), "ok"
        )
    content = corpus.bytes_of("streams/fragmented.mp4")
    corpus.variant("streams/fragments cut.mp4", content[: len(content) * 2 // 3])
    corpus.variant("streams/fragments without moov.mp4", content[content.index(b"moof") - 4 :])


def metadata(corpus: Corpus) -> None:
    """Titles that are no text, or too much of it."""
    clips = {"avi": MPEG4, "mp4": H264, "mkv": H264, "flv": Clip(codec="flv"), "wmv": Clip(codec="wmv2")}
    for suffix, clip in clips.items():
        path = corpus.video(f"metadata/not UTF-8.{suffix}", replace(clip, metadata={"title": "QQQQ"}))
        content = path.read_bytes().replace(b"QQQQ", b"\xe9\xff\x80\x81")
        path.write_bytes(content.replace("QQQQ".encode("utf-16-le"), b"\0\xd8\0\xd8\xff\xff\0\xdc"))
        huge = {"title": "Q" * 1_000_000, "comment": "🎬" * 50_000}
        corpus.video(f"metadata/huge.{suffix}", replace(clip, metadata=huge))
        corpus.video(f"metadata/markup.{suffix}", replace(clip, metadata={"title": "<b>1</b>\n\r%s%n[red]"}))
