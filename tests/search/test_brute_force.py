"""Exact search in blocks: the same as a slow loop, ties in the order of rows, in memory or passing by."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import rows_for

from unreel.search import brute_force
from unreel.search.brute_force import Held, nearest_of, unit
from unreel.search.rows import schema, table_of


def tables(values: list[list[int]], order: list[int]) -> tuple[pa.Table, pa.Table]:
    """Rows of these vectors, sorted and in another order."""
    rows = [row for number in range(len(values)) for row in rows_for(number, 0)]
    table = table_of(rows, np.array(values, np.float32))
    return table, table.take(order)


def slowly(values: list[list[int]], query: list[int], top: int, among: list[bool]) -> list[tuple[int, float]]:
    """The rows most similar to the query, and how similar: from the definition."""

    def cosine(one: list[int], other: list[int]) -> float:
        lengths = [float(np.dot(each, each)) ** 0.5 for each in (one, other)]
        return float(float(np.dot(one, other)) / max(lengths[0] * lengths[1], 1e-12))

    similarities = [(row, round(cosine(each, query), 5)) for row, each in enumerate(values) if among[row]]
    return sorted(similarities, key=lambda pair: (-pair[1], pair[0]))[:top]


VECTORS = st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=12)


@settings(max_examples=60)
@given(values=VECTORS, data=st.data())
def test_the_same_as_a_slow_loop(values: list[list[int]], data: st.DataObject) -> None:
    query = data.draw(st.lists(st.integers(-2, 2), min_size=3, max_size=3).filter(any))
    among = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    top = data.draw(st.integers(1, 6))
    order = data.draw(st.permutations(range(len(values))))
    sorted_rows, shuffled = tables(values, order)
    near = dict(slowly(values, query, len(values), among))
    expected = slowly(values, query, top, among)
    direction = unit(np.array(query, np.float32))
    held = Held(sorted_rows.drop_columns("vector"), np.array(values, np.float32))
    passing = shuffled.filter(pa.array([among[row] for row in order])).to_batches(max_chunksize=2)
    for found in (held.nearest(direction, top, np.array(among)), nearest_of(passing, direction, top)):
        rows = [int(name.split("/")[1][:3]) for name in found["id"].to_pylist()]
        # Rounding may decide between different vectors that are equally near, never between equal ones.
        assert np.allclose([near[row] for row in rows], [each for _, each in expected], atol=2e-5)
        for place, row in enumerate(rows):
            equal = [other for other in range(row) if among[other] and values[other] == values[row]]
            assert set(equal) <= set(rows[:place])
        assert np.allclose(found["similarity"].to_numpy(), [each for _, each in expected], atol=2e-5)
        assert found.schema.field("vector").type.list_size == 3


def test_what_passes_by_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brute_force, "_WAITING", 5)
    values = [[number % 7, 1, 2] for number in range(60)]
    table, shuffled = tables(values, list(np.random.default_rng(0).permutation(60)))
    query = unit(np.array([3, 1, 2], np.float32))
    expected = Held(table.drop_columns("vector"), np.array(values, np.float32)).nearest(query, 4)
    assert nearest_of(shuffled.to_batches(max_chunksize=3), query, 4)["id"].to_pylist() == expected["id"].to_pylist()


def test_equal_rows_are_equally_similar_wherever_they_stand() -> None:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(1001, 173)).astype(np.float32)
    vectors[::7] = vectors[0]
    similarities = brute_force.cosines(vectors, unit(vectors[3]))
    assert len(np.unique(similarities[::7])) == 1


def test_nothing_passes_by() -> None:
    found = nearest_of([], np.ones(3, np.float32), 5)
    assert not len(found)
    assert set(schema(3).names) < set(found.column_names)


def test_what_float32_cannot_tell_apart_is_ranked() -> None:
    """Vectors that differ in the last bits of a long sum: the order of rows is no answer there."""
    chance = np.random.default_rng(0)
    query = unit(chance.normal(size=512).astype(np.float32))
    vectors = (query + 1e-4 * chance.normal(size=(300, 512))).astype(np.float32)
    table = table_of([row for number in range(300) for row in rows_for(number, 0)], vectors)
    wide = vectors.astype(np.float64)
    right = wide @ query.astype(np.float64) / np.linalg.norm(wide, axis=1) / np.linalg.norm(query.astype(np.float64))
    expected = [table["id"][int(row)].as_py() for row in np.argsort(-right)[:20]]
    assert Held(table.drop_columns("vector"), vectors).nearest(query, 20)["id"].to_pylist() == expected
    assert nearest_of(table.to_batches(max_chunksize=7), query, 20)["id"].to_pylist() == expected
