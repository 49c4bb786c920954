"""Where the results lie that are shown: in a run folder, in the folder of an evaluation, or in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unreel.cli.inputs.naming import encoders_apart, names_apart
from unreel.errors import CollectionError

if TYPE_CHECKING:
    from unreel.evaluation.recognition import Recognition
    from unreel.evaluation.results import Retrieval

RETRIEVAL, RECOGNITION = "retrieval.json", "recognition.json"
EVALUATION = "evaluation"
"""Where in a run folder its evaluation is looked for."""


def find_result(place: Path, name: str) -> Path | None:
    """The file of that name which `place` is, or holds, or whose evaluation holds; None if there is none."""
    if place.is_file():
        return place if place.name == name else None
    return next((path for path in (place / name, place / EVALUATION / name) if path.exists()), None)


def read_all_retrievals(places: Sequence[Path]) -> "list[Retrieval]":
    """All retrieval results of these places, each under a name of its own, those that learnt nothing first.

    Raises:
        CollectionError: one of them holds none.
    """
    from unreel.evaluation.results import read_retrievals

    files = [_found(place, RETRIEVAL, "unreel evaluate retrieval RUN FOLDER --out OUT") for place in places]
    names = names_apart([_named_by(file) for file in files])
    return encoders_apart(
        (name, each) for name, file in zip(names, files, strict=True) for each in read_retrievals(file)
    )


def read_recognitions(places: Sequence[Path]) -> "list[tuple[str, Recognition]]":
    """The test of each of these places, by name.

    Raises:
        CollectionError: one of them holds none.
    """
    from unreel.evaluation.recognition import read_recognition

    files = [_found(place, RECOGNITION, "unreel finetune FOLDER --split 1 --out RUN") for place in places]
    names = names_apart([_named_by(file) for file in files])
    return [(name, read_recognition(file)) for name, file in zip(names, files, strict=True)]


def _found(place: Path, name: str, command: str) -> Path:
    found = find_result(place, name)
    if found is None:
        raise CollectionError(
            f"{place} holds no {name}; expected a run folder that was evaluated, the folder of an evaluation, or that "
            f"file. Make one with: {command}"
        )
    return found


def _named_by(file: Path) -> Path:
    """The folder that a result is known by: RUN for RUN/evaluation/retrieval.json."""
    folder = file.resolve().parent
    return folder.parent if folder.name == EVALUATION else folder
