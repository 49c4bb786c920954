"""InfoNCE without its matrix of similarities: block by block, and block by block again in the backward pass.

Of every position, `rows` anchors meet `columns` positives at a time. A block leaves a few numbers for each anchor, from
which the logarithm of the whole sum is put together as the blocks pass by (Milakov and Gimelshein, "Online normalizer
calculation for softmax", 2018). With those at hand, the backward pass makes every block's gradient at once. Memory
grows with the batch alone, and a block stays in the CPU's cache.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

COLUMNS = 1024
"""Positives of a block: enough for a CPU's matrix product to run at its full rate."""


class Options(NamedTuple):
    """How to compare: `own` is the row of `positives` that belongs to the first anchor, `hardness` β."""

    own: int
    temperature: float
    hardness: float
    rows: int
    columns: int = COLUMNS


def compare_blockwise(
    anchors: Float[Tensor, "a n d"], positives: Float[Tensor, "all n d"], options: Options
) -> Float[Tensor, "2"]:
    """Sums over anchors and positions: of the loss, and of how often the own positive is the nearest.

    What `infonce` computes without chunks, for vectors of length 1. The second sum has no gradient.
    """
    if len(positives) < 2:  # no negatives, no weights
        options = options._replace(hardness=0.0)
    sums: tuple[Tensor, Tensor] = _Compare.apply(anchors, positives, options)  # type: ignore[no-untyped-call]
    return torch.stack(sums)


@dataclass
class _Block:
    """Where a block lies in the matrix of similarities of one position, whose own positives are on a diagonal."""

    position: int
    rows: slice
    columns: slice
    own: int

    def diagonal(self, matrix: Tensor) -> tuple[slice, Tensor]:
        """The anchors whose own positive is in this block, and a view of their entries of its matrix."""
        first = max(self.columns.start, self.rows.start + self.own)
        last = max(first, min(self.columns.stop, self.rows.stop + self.own))
        inside = matrix[
            first - self.own - self.rows.start : last - self.own - self.rows.start,
            first - self.columns.start : last - self.columns.start,
        ]
        return slice(first - self.own, last - self.own), inside.diagonal()

    def before_own(self, scores: Tensor, least: float) -> Tensor:
        """The highest score of each anchor with the positives before its own; `least` where there are none."""
        if self.columns.stop <= self.rows.start + self.own:
            return scores.amax(dim=1)
        if self.columns.start >= self.rows.stop + self.own:
            return scores.new_full(scores.shape[:1], least)
        inside = torch.ones_like(scores, dtype=torch.bool).tril(self.rows.start + self.own - self.columns.start - 1)
        return scores.where(inside, least).amax(dim=1)


def _blocks(anchors: Tensor, positives: Tensor, options: Options) -> Iterator[_Block]:
    for position in range(anchors.shape[1]):
        for row in range(0, len(anchors), options.rows):
            rows = slice(row, min(row + options.rows, len(anchors)))
            for column in range(0, len(positives), options.columns):
                columns = slice(column, min(column + options.columns, len(positives)))
                yield _Block(position, rows, columns, options.own)


@dataclass
class _Sums:
    """What is known of each anchor (a n) while its blocks pass: enough for the logarithms of sums over negatives.

    `highest` is the highest score of a negative, `before` that of one before the own positive; `total` the sum of
    exp((1+β)(s − highest)) and `weights` that of exp(β(s − highest)), over all negatives so far.
    """

    own: Tensor
    highest: Tensor
    before: Tensor
    total: Tensor
    weights: Tensor

    @classmethod
    def begin(cls, anchors: Tensor) -> "_Sums":
        zeros = anchors.new_zeros(anchors.shape[:2])
        least = torch.full_like(zeros, torch.finfo(zeros.dtype).min)  # not −∞: differences stay numbers
        return cls(zeros.clone(), least, least.clone(), zeros.clone(), zeros.clone())

    def add(self, block: _Block, scores: Tensor, hardness: float) -> None:
        """Take in a block's scores, which are used up."""
        place = block.rows, block.position
        anchors, entries = block.diagonal(scores)
        self.own[anchors, block.position] = entries
        entries.fill_(-torch.inf)  # from here on, negatives only
        least = torch.finfo(scores.dtype).min
        self.before[place] = torch.maximum(self.before[place], block.before_own(scores, least))
        highest = torch.maximum(self.highest[place], scores.amax(dim=1))
        shift = self.highest[place] - highest
        scores.sub_(highest[:, None])
        if hardness:
            weights = (hardness * scores).exp_().sum(dim=1)
            self.weights[place] = self.weights[place] * (hardness * shift).exp() + weights
        total = scores.mul_(1 + hardness).exp_().sum(dim=1) if hardness else scores.exp_().sum(dim=1)
        self.total[place] = self.total[place] * ((1 + hardness) * shift).exp() + total
        self.highest[place] = highest


class _Compare(Function):
    @staticmethod
    def forward(context: Any, anchors: Tensor, positives: Tensor, options: Options) -> tuple[Tensor, Tensor]:
        sums = _Sums.begin(anchors)
        for block in _blocks(anchors, positives, options):
            sums.add(block, _scores(anchors, positives, block, options), options.hardness)
        hard = options.hardness
        of_totals = (1 + hard) * sums.highest + sums.total.log()
        of_weights = hard * sums.highest + sums.weights.log() if hard else torch.zeros_like(sums.own)
        # weights are 1 on average over the negatives
        negatives = of_totals - of_weights + (math.log(len(positives) - 1) if hard else 0.0)
        whole = torch.logaddexp(sums.own, negatives)
        context.options = options
        context.save_for_backward(anchors, positives, sums.own, whole, negatives, of_totals, of_weights)
        nearest = ((sums.own > sums.before) & (sums.own >= sums.highest)).sum().to(whole)
        context.mark_non_differentiable(nearest)
        return (whole - sums.own).sum(), nearest

    @staticmethod
    def backward(context: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        anchors, positives, own, whole, negatives, of_totals, of_weights = context.saved_tensors
        options: Options = context.options
        hard = options.hardness
        wanted, wanted_too, _ = context.needs_input_grad
        of_anchors, of_positives = torch.zeros_like(anchors), torch.zeros_like(positives)
        with torch.autocast(anchors.device.type, enabled=False):
            for block in _blocks(anchors, positives, options):
                place = block.rows, block.position
                scores = _scores(anchors, positives, block, options)
                if hard:
                    pulled = (hard * scores).sub_(of_weights[place][:, None]).exp_().mul_(hard)
                    shares = scores.mul_(1 + hard).sub_(of_totals[place][:, None]).exp_().mul_(1 + hard).sub_(pulled)
                    shares.mul_((negatives - whole)[place].exp()[:, None])
                else:
                    shares = scores.sub_(whole[place][:, None]).exp_()
                rows, entries = block.diagonal(shares)
                entries.copy_((own - whole)[rows, block.position].expm1())
                if wanted:
                    of_anchors[place].addmm_(shares, positives[block.columns, block.position])
                if wanted_too:
                    of_positives[block.columns, block.position].addmm_(shares.T, anchors[place])
            scale = gradient / options.temperature
            return (of_anchors.mul_(scale) if wanted else None, of_positives.mul_(scale) if wanted_too else None, None)


def _scores(anchors: Tensor, positives: Tensor, block: _Block, options: Options) -> Float[Tensor, "rows columns"]:
    product = anchors[block.rows, block.position] @ positives[block.columns, block.position].T
    return product.div_(options.temperature)
