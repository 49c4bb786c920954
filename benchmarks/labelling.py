"""What to label next, against labels at random: how much of a collection is named right after so many labels.

    python benchmarks/labelling.py TABLE --group-pattern '/([a-z]+)_'

TABLE is one of `unreel embed` whose videos all have a label. In each draw a third of the groups (or of the videos) is
set aside as new videos; labels are given to the others, as many at a time as a page shows, and the classifier of
`unreel predict` with logistic regression, C = 1, names the rest of these and the new ones.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from unreel.prediction.suggestions import Suggester
from unreel.search.table import EmbeddingTable
from unreel.video.collection.discover import groups_of


@dataclass(frozen=True)
class Videos:
    """Vectors (n c), labels and groups of a table's videos."""

    vectors: Float32[np.ndarray, "n c"]
    labels: list[str]
    groups: list[str]

    def draw(self, seed: int, numbers: list[int], at_once: int, *, suggested: bool) -> list[tuple[float, float, int]]:
        """At each number of labels: how much of the rest and of new videos is right, and how many classes are known."""
        chance = np.random.default_rng(seed)
        names = sorted(set(self.groups))
        new = np.isin(self.groups, chance.permutation(names)[: len(names) // 3])
        pool = np.flatnonzero(~new)
        suggester, known, found = Suggester(self.vectors[pool]), dict[int, str](), []
        for wanted in numbers:
            while len(known) < min(wanted, len(pool) - 1):
                count = min(at_once, wanted - len(known))
                others = [int(each) for each in chance.permutation(len(pool)) if int(each) not in known]
                rows = suggester.suggest(known, count) if suggested else others[:count]
                known |= {row: self.labels[pool[row]] for row in rows}
            found.append(self._figures(pool, new, known))
        return found

    def _figures(
        self, pool: Int64[np.ndarray, " p"], new: Bool[np.ndarray, " n"], known: dict[int, str]
    ) -> tuple[float, float, int]:
        scaled, labels = StandardScaler().fit(self.vectors[pool]).transform(self.vectors), np.array(self.labels)
        taught = pool[sorted(known)]
        model = LogisticRegression(max_iter=1000).fit(scaled[taught], labels[taught])
        right = model.predict(scaled) == labels
        return float(right[np.setdiff1d(pool, taught)].mean()), float(right[new].mean()), len(set(known.values()))


def main() -> None:
    """Measure and print a table."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--group-pattern")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 20, 30, 40])
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    table = EmbeddingTable.open(asked.table).vectors("video")
    ids, labels = ([str(each) for each in table.column(name)] for name in ("id", "label"))
    groups = groups_of(ids, asked.group_pattern) if asked.group_pattern else {each: each for each in ids}
    videos = Videos(table.vectors, labels, [groups[each] for each in ids])
    print(f"{len(ids)} videos, {len(set(labels))} classes, {len(set(videos.groups))} groups, {asked.draws} draws\n")
    print(f"| percent right after | {' | '.join(map(str, asked.labels))} |\n|---|{'---:|' * len(asked.labels)}")
    for suggested, name in ((True, "suggested"), (False, "at random")):
        draws = [videos.draw(seed, asked.labels, asked.at_once, suggested=suggested) for seed in range(asked.draws)]
        for place, what in enumerate(("the rest", "new videos", "classes with a label")):
            values = np.array(draws)[:, :, place].T * (100 if place < 2 else 1)
            cells = " | ".join(f"{each.mean():.1f} ± {each.std():.1f}" for each in values)
            print(f"| {name}: {what} | {cells} |")


if __name__ == "__main__":
    main()
