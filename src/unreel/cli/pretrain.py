"""`unreel pretrain`."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

import tyro

from unreel import recipes
from unreel.cli.inputs.parsing import parse, trust
from unreel.console import show
from unreel.errors import SettingsError
from unreel.settings.encoder import with_encoder
from unreel.settings.pretraining import PretrainSettings, read_pretraining, settings_kind


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if "--list-recipes" in arguments:
        show(recipes.described())
        return
    kind, rest, start = _starting_point(arguments)
    settings = parse(kind, "pretrain", rest, default=start)
    run(settings.model_copy(update={"folder": settings.folder.resolve()}))


def run(settings: PretrainSettings) -> None:
    """Prepare the folder where that is still to be done, say what is left out, then pretrain."""
    from unreel.api import run_pretraining
    from unreel.cli.tables.training_summary import print_end, print_start

    def begun(videos: int, left_out: Mapping[str, str]) -> None:
        print_start(settings, left_out, f"learning from {videos} videos, {len(left_out)} files left out")

    run_pretraining(settings, begun)
    print_end(settings)


def _starting_point(arguments: Sequence[str]) -> tuple[type[PretrainSettings], list[str], PretrainSettings]:
    """The kind of settings, the words left to parse, and what they change: a recipe, a settings file or a method's."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--recipe")
    parser.add_argument("--method")
    chosen, rest = parser.parse_known_args(list(arguments))
    if chosen.config and chosen.recipe:
        raise SettingsError(f"got --config {chosen.config} and --recipe {chosen.recipe}, expected one of them.")
    trust(arguments)
    if chosen.config:
        settings = read_pretraining(chosen.config)
        if chosen.method and chosen.method.rpartition("/")[2] != settings.method.rpartition("/")[2]:
            raise SettingsError(f"{chosen.config} is of the method {settings.method}, but --method is {chosen.method}.")
        return type(settings), rest, settings
    named = (
        {"recipe": chosen.method} if chosen.method and not chosen.recipe else recipes.changes(chosen.recipe or "hdc")
    )
    method = chosen.method or str(named.get("method", "hdc"))
    changes = {**named, "method": method}
    kind = settings_kind(method)
    # Not validated on purpose: folder and out are still to come, and all is validated once they are there.
    values = with_encoder(changes)
    return kind, rest, kind.model_construct(folder=tyro.MISSING, out=tyro.MISSING, **values)
