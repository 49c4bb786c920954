"""What the paper prints of other methods: shown beside ours, never run. References are the paper's."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Others:
    """A method of others: in Table 3 top-1 % on UCF101 and on HMDB51, in Tables 4 and 5 hit@1, 5, 10, 20, 50 in %."""

    method: str
    numbers: tuple[float, ...]
    architecture: str = ""


# Table 3, by architecture, in its order.
RECOGNITION: Mapping[str, tuple[Others, ...]] = {
    "CaffeNet": (
        Others("Random Initialization [45]", (38.6, 13.3)),
        Others("Shuffle & Learn [45]", (50.2, 18.1)),
        Others("Büchler et al. [5]", (58.6, 25.0)),
    ),
    "VGG-M-2048": (
        Others("Random Initialization [39]", (51.1, 18.3)),
        Others("OPN [39]", (59.8, 23.8)),
    ),
    "R3D-18": (
        Others("Random Initialization [74]", (54.4, 21.5)),
        Others("Clip Order [74]", (64.9, 29.5)),
        Others("VCP [41]", (66.0, 31.5)),
    ),
    "R3D-18+1": (
        Others("Random Initialization [33]", (44.7, 19.4)),
        Others("CCL [33]", (69.4, 37.8)),
    ),
    "2D3D-ResNet18": (
        Others("Random Initialization [15]", (46.5, 17.1)),
        Others("DPC [15]", (68.2, 34.5)),
    ),
    "I3D": (
        Others("Random Initialization [4]", (47.9, 29.6)),
        Others("SpeedNet [4]", (66.7, 43.7)),
    ),
    "3D-ResNet18": (
        Others("Random Initialization [18]", (42.4, 17.1)),
        Others("3D-RotNet [30]", (62.9, 33.7)),
        Others("3D-ST-Puzzle [32]", (65.8, 33.7)),
    ),
    "C3D": (
        Others("Random Initialization [74]", (61.6, 23.2)),
        Others("Motion & Appearance [67]", (61.2, 33.4)),
        Others("Clip Order [74]", (65.6, 28.4)),
        Others("VCP [41]", (68.5, 32.5)),
        Others("Cho et al. [8]", (70.4, 34.3)),
    ),
    "R(2+1)D-10": (
        Others("Clip Order [74]", (72.4, 30.9)),
        Others("VCP [41]", (66.3, 32.2)),
        Others("Cho et al. [8]", (74.8, 36.8)),
        Others("PacePrediction [68]", (77.1, 36.6)),
    ),
}

# Tables 4 and 5, what stands before and behind the randomly initialised encoder.
RETRIEVAL: Mapping[str, tuple[tuple[Others, ...], tuple[Others, ...]]] = {
    "ucf101": (
        (
            Others("OPN [39]", (19.9, 28.7, 34.0, 40.6, 51.6)),
            Others("Büchler et al. [5]", (25.7, 36.2, 42.2, 49.2, 59.5)),
        ),
        (
            Others("Clip Order [74]", (12.5, 29.0, 39.0, 50.6, 66.9), "C3D"),
            Others("VCP [41]", (17.3, 31.5, 42.0, 52.6, 67.7), "C3D"),
            Others("CCL [33]", (22.0, 39.1, 44.6, 56.3, 70.8), "R3D-18+1"),
        ),
    ),
    "hmdb51": (
        (),
        (
            Others("Clip Order [74]", (7.4, 22.6, 34.4, 48.5, 70.1), "C3D"),
            Others("VCP [41]", (7.8, 23.8, 35.3, 49.3, 71.6), "C3D"),
        ),
    ),
}
