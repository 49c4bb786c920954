"""Encoders that come with unreel: their names can be given wherever a run can.

unreel/checkpoint/published/street651-small/
├── README.md               the model card: data, licence, figures, commands
└── weights.safetensors     kept in bfloat16, used in float32
"""

from pathlib import Path

FOLDER = Path(__file__).with_name("published")


def names() -> list[str]:
    """Those that there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/weights.safetensors"))


def place_of(run: Path) -> Path:
    """`run` as it is, or the folder of the encoder of that name where there is no such file or folder here."""
    if run.exists() or run.parent.absolute() != Path.cwd() or run.name not in names():
        return run
    return FOLDER / run.name
