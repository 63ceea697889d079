"""Sets of completion indexes against Python's own."""

from hypothesis import given
from hypothesis import strategies as st

from k8slite.controllers.batch import job_indexes

INDEXES = st.sets(st.integers(0, 40))


@given(INDEXES)
def test_written_and_read(indexes: set[int]) -> None:
    written = job_indexes.of(indexes)
    assert job_indexes.parse(str(written), 41) == written
    assert len(written) == len(indexes)
    assert [index for index in range(42) if index in written] == sorted(indexes)
    assert list(written.missing(30)) == [one for one in range(30) if one not in indexes]


@given(INDEXES, INDEXES)
def test_together(some: set[int], others: set[int]) -> None:
    one, other = job_indexes.of(some), job_indexes.of(others)
    assert one | other == job_indexes.of(some | others)
    assert one.overlap(other) == len(some & others)


def test_as_upstream_writes_them() -> None:
    assert str(job_indexes.of([7, 0, 2, 3, 5, 6])) == "0,2,3,5-7"
    assert str(job_indexes.parse("0,x,3-9,12", 8)) == "0,3-7"
    assert str(job_indexes.parse("", 8)) == ""


def test_a_thousand_million_indexes_take_no_time() -> None:
    most = 10**9
    all_of_them = job_indexes.parse(f"0-{most - 3}", most)
    assert len(all_of_them) == most - 2
    assert list(all_of_them.missing(most)) == [most - 2, most - 1]
