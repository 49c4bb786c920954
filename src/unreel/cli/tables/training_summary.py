"""What `unreel pretrain` and `unreel finetune` show around a run; of several processes the first one does."""

from collections.abc import Mapping

from unreel.checkpoint.state import checkpoints, step_of
from unreel.cli.tables.collection_summary import print_reasons
from unreel.console import say
from unreel.engine.launch import first_here
from unreel.settings.training import TrainingSettings
from unreel.text import unbroken
from unreel.training.resume import CHECKPOINTS


def print_start(settings: TrainingSettings, left_out: Mapping[str, str], *learnt: str) -> None:
    """What is `learnt` from what, which files are left out, and how far the run has come before."""
    if not first_here():
        return
    say(*learnt)
    print_reasons(left_out)
    if done := checkpoints(settings.out / CHECKPOINTS):
        say(f"{unbroken(settings.out)} holds a run, saved after step {step_of(done[-1])} of {settings.steps}")


def print_end(settings: TrainingSettings) -> None:
    """Where all is that the run has left."""
    if first_here():
        say(f"weights, metrics, log and the list of videos in {unbroken(settings.out)}")
