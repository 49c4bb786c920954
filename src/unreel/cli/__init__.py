"""The command `unreel`: one module per verb, imported only when its verb is called."""

import os
import signal
import sys
from importlib import import_module

from unreel import __version__
from unreel.cli.streams import usable_streams
from unreel.console import complain, explain, say, screen
from unreel.engine.files import is_about_writing
from unreel.engine.signals import Interrupted, signals_end
from unreel.errors import UnreelError

VERBS = {
    "demo": "do the whole job once: videos in, encoder, figures and a page out",
    "synth": "render Moving Shapes, a collection with two independent labels",
    "fetch": "download a data set: UCF101, HMDB51, Kinetics-400",
    "scan": "find out which videos of a folder can be used, and why not",
    "prepare": "check a folder of videos and make it fast to load",
    "dedupe": "list exact and near duplicates, and link what is kept",
    "leaks": "find test videos that are known from training",
    "plan": "tell what a pretraining will take: time, GPUs, storage, money",
    "pretrain": "learn an encoder from a folder of videos, without labels",
    "finetune": "teach an encoder the classes of labelled videos",
    "predict": "give every video a label, by a fine-tuned run or by a few labels and a table",
    "watch": "draw the curves of runs in the terminal",
    "runs": "compare all runs of a folder in a table",
    "evaluate": "evaluate an encoder: retrieval, k-NN, linear, recognition; compare two",
    "reproduce": "run what a table of the paper needs, ours beside the paper's",
    "embed": "turn videos into a table of embeddings",
    "search": "find videos and moments like a video, in a table of embeddings",
    "duplicates": "find near duplicates in a table of embeddings",
    "curate": "choose a part of a collection: diverse, or rare first",
    "export": "turn a table of embeddings into what other tools load",
    "serve": "show a collection as a web page: browse, search, compare, label",
    "bench": "see where the time goes, and what to change",
    "report": "make a page to look at from runs",
    "figure": "draw a figure for a page or a paper: hits, classes, looks",
}


def main() -> None:
    """Entry point of the command; a user's mistake ends with exit code 2 and without a traceback."""
    with usable_streams(), signals_end():
        screen()
        _obey(sys.argv[1:])


def _obey(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        explain(overview())
        return
    if arguments[0] == "--version":
        say(f"unreel {__version__}")
        return
    verb = arguments[0]
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # or it shows its own frames when a process is lost
    try:
        if verb not in VERBS:
            raise UnreelError(_unknown(verb))
        import_module(f"unreel.cli.{verb}").main(arguments[1:])
    except UnreelError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as error:
        number = error.signal if isinstance(error, Interrupted) else signal.SIGINT
        complain("interrupted" if number == signal.SIGINT else f"ended by {number.name}")
        sys.exit(128 + number)
    except BrokenPipeError:
        raise
    except OSError as error:  # a name of 300 letters, a folder that may not be looked into
        if is_about_writing(error):
            raise
        place = f"{error.filename} cannot be used: " if error.filename is not None else ""
        complain(f"{place}{error.strerror or error}. Mend this, or name another place.")
        sys.exit(UnreelError.exit_code)


def overview() -> str:
    """What `unreel --help` prints."""
    verbs = "\n".join(f"  {verb:10} {summary}" for verb, summary in VERBS.items())
    return f"""unreel {__version__}: learns from unlabelled video

usage: unreel VERB [OPTIONS]

{verbs}

`unreel VERB --help` explains a verb and all its options.

A first look, with a collection made on the spot:
  unreel demo

With your own videos (labels are for evaluating, never for learning: see --labels):
  unreel pretrain FOLDER --out runs/mine --recipe hdc-small
  unreel evaluate retrieval runs/mine FOLDER --out runs/mine/evaluation
  unreel embed runs/mine FOLDER --out runs/mine/embeddings.lance
  unreel report runs/mine --folder FOLDER --out runs/mine/report.html

A run may be stopped (Ctrl-C) or killed: the same command resumes it. While it trains, and with labels:
  unreel watch runs/mine
  unreel finetune LABELLED --weights runs/mine --out runs/classes"""


def _unknown(verb: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(verb, VERBS, n=1)
    hint = f"did you mean `unreel {near[0]}`?" if near else f"there are: {', '.join(VERBS)}"
    return f"there is no verb {verb!r}; {hint}"
