"""What `unreel figure` draws: which results, of which split and collection, scored by which label."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from unreel.cli.inputs.results import RECOGNITION, find_result, read_all_retrievals
from unreel.errors import CollectionError, SettingsError

if TYPE_CHECKING:
    from unreel.evaluation.results import Retrieval
    from unreel.video.collection.manifest import Manifest


def scored_by(places: Sequence[Path], untrained: bool) -> "list[Retrieval]":
    """The results, with or without those of encoders that learnt nothing; alone these are shown in any case."""
    from unreel.reporting.scores import learnt_nothing

    results = read_all_retrievals(places)
    trained = [each for each in results if not learnt_nothing(each.origin.encoder)]
    return results if untrained or not trained else trained


def select_split(results: "list[Retrieval]", split: str | None) -> "list[Retrieval]":
    """One result of each encoder: of that split, or the first.

    Raises:
        SettingsError: there is no such split.
    """
    from unreel.reporting.scores import first_of_each

    splits = list(dict.fromkeys(each.origin.split for each in results))
    if split is not None and split not in splits:
        raise SettingsError(f"got --split {split!r}, expected one that the results have: {', '.join(splits)}.")
    return first_of_each([each for each in results if split in (None, each.origin.split)])


def rename(results: "list[Retrieval]", names: Sequence[str]) -> "list[Retrieval]":
    """The results with encoders of these names, in their order; without any, as they are.

    Raises:
        SettingsError: they are too few, too many or not different.
    """
    if not names:
        return results
    if len(set(names)) != len(results) or len(names) != len(results):
        encoders = ", ".join(each.origin.encoder for each in results)
        raise SettingsError(
            f"got --names {' '.join(names)}, expected {len(results)} different ones, for the encoders {encoders}."
        )
    return [replace(each, origin=replace(each.origin, encoder=name)) for each, name in zip(results, names, strict=True)]


def collection_of(folder: Path | None, results: "Sequence[Retrieval]") -> "Manifest":
    """The videos of a folder, or of the one that the results name.

    Raises:
        CollectionError: there is none, or it cannot be prepared.
    """
    from unreel.video.collection.options import PrepareOptions
    from unreel.video.collection.prepare import prepared

    place = folder or Path(results[0].origin.collection)
    if not place.exists():
        raise CollectionError(f"there is no {place}, where the videos of the results were. Name their folder: --folder")
    return prepared(place, PrepareOptions())


def chosen_label(wanted: str | None, results: "Sequence[Retrieval]", labels: Sequence[str] = ()) -> str:
    """The label that scores: the one asked for, or the first of the results and of the collection; "" for none.

    Raises:
        SettingsError: there is none of that name.
    """
    names = list(dict.fromkeys([*(score.label for each in results for score in each.scores), *labels]))
    if wanted is not None and wanted not in names:
        raise SettingsError(f"got --label {wanted!r}, expected one that there is: {', '.join(names) or 'none'}.")
    return wanted or next(iter(names), "")


def are_tests(places: Sequence[Path]) -> bool:
    """Whether the places hold tests of recognition, and not results of retrieval.

    Raises:
        CollectionError: some do and some do not.
    """
    found = [place for place in places if find_result(place, RECOGNITION)]
    if found and len(found) < len(places):
        raise CollectionError(
            f"{', '.join(map(str, found))} hold {RECOGNITION}, the others do not: expected results of one kind."
        )
    return bool(found)
