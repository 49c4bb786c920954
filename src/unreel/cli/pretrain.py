"""`unreel pretrain`."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

import tyro

from unreel import recipes
from unreel.cli.inputs.parsing import parse
from unreel.console import show
from unreel.errors import SettingsError
from unreel.settings.model import read_settings
from unreel.settings.pretraining import PretrainSettings


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if "--list-recipes" in arguments:
        show(recipes.described())
        return
    rest, start = _starting_point(arguments)
    settings = parse(PretrainSettings, "pretrain", rest, default=start)
    run(settings.model_copy(update={"folder": settings.folder.resolve()}))


def run(settings: PretrainSettings) -> None:
    """Prepare the folder where that is still to be done, say what is left out, then pretrain."""
    from unreel.api import run_pretraining
    from unreel.cli.tables.training_summary import print_end, print_start

    def begun(videos: int, left_out: Mapping[str, str]) -> None:
        print_start(settings, left_out, f"learning from {videos} videos, {len(left_out)} files left out")

    run_pretraining(settings, begun)
    print_end(settings)


def _starting_point(arguments: Sequence[str]) -> tuple[list[str], PretrainSettings]:
    """The words left to parse and the settings they change: those of a recipe, or of a settings file."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--recipe")
    chosen, rest = parser.parse_known_args(list(arguments))
    if chosen.config and chosen.recipe:
        raise SettingsError(f"got --config {chosen.config} and --recipe {chosen.recipe}, expected one of them.")
    if chosen.config:
        return rest, read_settings(PretrainSettings, chosen.config)
    changes = recipes.changes(chosen.recipe or "hdc")
    # Not validated on purpose: folder and out are still to come, and all is validated once they are there.
    return rest, PretrainSettings.model_construct(folder=tyro.MISSING, out=tyro.MISSING, **changes)
