"""What each change of `hdc-plus` brings, with a fixed budget, on a seed and on persons that no published figure is of.

    unreel prepare DATA street --include '^(weizmann|fights|pushups)/' --side 76
    unreel prepare DATA/weizmann weizmann --group-pattern '/([a-z]+)_' --side 76
    python benchmarks/recipe_search.py street weizmann --out runs/search [--only hdc-plus cosine]

Every variant is `hdc-plus-street651` with one change, for 300 steps from the same first weights, and is judged by the
queries of four persons among the clips of all others (`gap`): R@1 / mean average precision / linear probe, percent.
Variants whose runs are there already are not run again, so this can be stopped and gone on with. Prints Markdown.
"""

import argparse
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from sys import stderr
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unreel
from unreel.checkpoint import LoadedEncoder
from unreel.evaluation.features import FeatureExtractor
from unreel.video.manifest import Manifest

STEPS, SEED = 300, 100
SEARCHED = ("daria", "denis", "eli", "ido")
LEVELS = (5, 4)
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "untrained": {"steps": 0},
    "hdc-plus": {},
    "not standardised, rate .03 (hdc)": {"standardise": False, "learning_rate": 0.03},
    "frames": {"input": "rgb"},
    "cosine": {"schedule": "cosine"},
    "both directions": {"both_directions": True},
    "mlp": {"projection": "mlp"},
    "hard negatives .5": {"hard_negatives": 0.5},
    "clip gap .5": {"clip_gap": 0.5},
    "temperature .2": {"temperature": 0.2},
    "rate .2": {"learning_rate": 0.2},
    "rate .03": {"learning_rate": 0.03},
    "all levels alike": {"alpha": (1.0, 1.0, 1.0), "beta": (1.0, 1.0, 1.0)},
    "temporal four times spatial": {"alpha": (0.125, 0.25, 0.5), "beta": (0.5, 1.0, 2.0)},
}
Features = Float[np.ndarray, "videos c"]


def main() -> None:
    """Pretrain what is still to be, judge all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="prepared videos to learn from")
    parser.add_argument("judged", type=Path, help="Weizmann, prepared with persons as groups")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    manifest = Manifest.read(arguments.judged)
    print(f"| change | {' | '.join(f'level {level}' for level in LEVELS)} |\n|---|{'---|' * len(LEVELS)}", flush=True)
    for name in arguments.only:
        values = {"steps": STEPS, "seed": SEED, "knn_every": 0, "loader_workers": 0, **VARIANTS[name]}
        with redirect_stdout(stderr):
            recipe = "hdc-plus-street651"
            loaded = unreel.pretrain(arguments.corpus, arguments.out / name.replace(" ", "-"), recipe=recipe, **values)
        print(f"| {name} | {' | '.join(_judged(loaded, manifest))} |", flush=True)


def _judged(loaded: LoadedEncoder, manifest: Manifest) -> list[str]:
    videos = list(manifest.usable)
    classes = np.array([video.labels["class"] for video in videos])
    persons = np.array([video.group for video in videos])
    extractor = FeatureExtractor(loaded.encoder, loaded.settings, device=torch.device("cpu"))
    found = extractor.by_level(manifest, videos, LEVELS, workers=0)
    return [_scores(found[level].videos.astype(np.float64), classes, persons) for level in LEVELS]


def _scores(features: Features, classes: np.ndarray, persons: np.ndarray) -> str:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    first, precision, right = [], [], []
    for row in np.flatnonzero(np.isin(persons, SEARCHED)):
        others = persons != persons[row]
        order = np.argsort(-(unit[others] @ unit[row]), kind="stable")
        hits = classes[others][order] == classes[row]
        first.append(hits[0])
        precision.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    for person in SEARCHED:
        others = persons != person
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
        probe.fit(features[others], classes[others])
        right.extend(probe.predict(features[~others]) == classes[~others])
    return " / ".join(f"{100 * np.mean(each):.0f}" for each in (first, precision, right))


if __name__ == "__main__":
    main()
