"""What each change of `hdc-plus` brings, with a fixed budget, on one seed and four of Weizmann's nine persons.

The seed is none of the evidence; the persons are among those that all figures of Weizmann are of: a development set.

    unreel prepare DATA street --include '^(weizmann|fights|pushups)/' --side 76
    unreel prepare DATA/weizmann weizmann --group-pattern '/([a-z]+)_' --side 76
    python experiments/street651/recipe_search.py street weizmann --out runs/search [--only hdc-plus cosine]
    python experiments/street651/recipe_search.py street weizmann --out runs/16 --steps 400 --precision bf16-mixed

Every variant is `hdc-plus` at the scale of `scale.yaml` with one change, for 300 steps (or `--steps`) from the same
first weights, and is evaluated by the queries of four persons among the clips of all others (`gap`): R@1 / mean average
precision / linear probe, percent. Variants whose runs are there already are not run again, so this can be stopped and
gone on with. Prints Markdown.
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from sys import stderr
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

import unreel
from unreel import recipes
from unreel.checkpoint import LoadedEncoder
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.linear import linear_probe, one_out_folds
from unreel.evaluation.nearest import UnitVectors, numbered
from unreel.evaluation.retrieval import labels_of, retrieve
from unreel.reproduction.budget import read_scale
from unreel.video.collection.manifest import Manifest, VideoRecord

SCALE, RECIPE = Path(__file__).with_name("scale.yaml"), "hdc-plus"
STEPS, SEED = 300, 100
SEARCHED = ("daria", "denis", "eli", "ido")
LEVELS = (5, 4)
LABEL = "class"
VARIANTS: Mapping[str, Mapping[str, Any]] = {  # `times`: how often the number of steps
    "untrained": {"times": 0},
    "hdc-plus": {},
    "not standardised, rate .03 (hdc)": {"standardise": False, "learning_rate": 0.03},
    "frames": {"input": "rgb"},
    "cosine": {"schedule": "cosine"},
    "both directions": {"both_directions": True},
    "mlp": {"projection": "mlp"},
    "batch norm": {"norm": "batch"},
    "hard negatives .5": {"hard_negatives": 0.5},
    "clip gap .5": {"clip_gap": 0.5},
    "temperature .2": {"temperature": 0.2},
    "rate .2": {"learning_rate": 0.2},
    "half the batch, twice the steps": {"batch_size": 16, "times": 2},
    "half the frames, twice the steps": {"clip_length": 8, "times": 2},
    "half the frames, twice the batch": {"clip_length": 8, "batch_size": 64},
    "rate .03": {"learning_rate": 0.03},
    "crops down to a half": {"augmentation": {"scales": (1.0, 0.84, 0.7, 0.59, 0.5)}},
    "all levels alike": {"alpha": (1.0, 1.0, 1.0), "beta": (1.0, 1.0, 1.0)},
    "temporal four times spatial": {"alpha": (0.125, 0.25, 0.5), "beta": (0.5, 1.0, 2.0)},
}


def main() -> None:
    """Pretrain what is still to be, evaluate all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="prepared videos to learn from")
    parser.add_argument("evaluated", type=Path, help="Weizmann, prepared with persons as groups")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of a variant with one change")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    manifest, known = Manifest.read(arguments.evaluated), recipes.changes(RECIPE)
    scale = {name: value for name, value in read_scale(str(SCALE)).pretrain.items() if name not in known}
    print(f"| change | {' | '.join(f'level {level}' for level in LEVELS)} |\n|---|{'---|' * len(LEVELS)}", flush=True)
    for name in arguments.only:
        own = dict(VARIANTS[name])
        budget = {"steps": own.pop("times", 1) * arguments.steps, "precision": arguments.precision}
        values = {**scale, **budget, "seed": SEED, "knn_every": 0, "loader_workers": 0, **own}
        with redirect_stdout(stderr):
            loaded = unreel.pretrain(arguments.corpus, arguments.out / name.replace(" ", "-"), recipe=RECIPE, **values)
        print(f"| {name} | {' | '.join(_evaluated(loaded, manifest))} |", flush=True)


def _evaluated(loaded: LoadedEncoder, manifest: Manifest) -> list[str]:
    extractor = FeatureExtractor(loaded.encoder, loaded.settings, device=torch.device("cpu"))
    found = extractor.by_level(manifest, manifest.usable, LEVELS, workers=0)
    return [_scores(found[level].videos, manifest.usable) for level in LEVELS]


def _scores(features: Float[np.ndarray, "n c"], videos: Sequence[VideoRecord]) -> str:
    classes, persons = labels_of(videos, LABEL), [video.group for video in videos]
    known, apart = UnitVectors(features), numbered(persons)
    scores = retrieve(known, known, {LABEL: (classes, classes)}, groups=(apart, apart)).scores[LABEL]
    said = linear_probe(features, classes, one_out_folds(classes, persons, name=LABEL)[1], name=LABEL)
    searched = np.isin(persons, SEARCHED)
    right = np.array([said[row] == label for row, label in enumerate(classes)])
    shares = (scores.first_right == 1)[searched], scores.average_precision[searched], right[searched]
    return " / ".join(f"{100 * share.mean():.0f}" for share in shares)


if __name__ == "__main__":
    main()
