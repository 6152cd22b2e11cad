"""Parquet: DuckDB sums it, and every record comes back as it was."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from edge.exports import FORMATS
from edge.exports import parquet as parquet_file
from edge.wire import PlainRecord
from tests.exports.read_back import read_parquet
from tests.exports.told import ABOUT, COUNTED, NO_DATA, NOTHING_SEEN, WEEK, any_records, told


def written(records: Iterable[PlainRecord]) -> bytes:
    return b"".join(piece.content for piece in FORMATS["parquet"].open()(records, ABOUT))


@settings(max_examples=40, deadline=None)
@given(any_records())
def test_every_record_comes_back_as_it_was(records: list[PlainRecord]) -> None:
    assert list(read_parquet(written(records))) == records


def test_a_file_of_several_row_groups_is_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "ROWS_AT_ONCE", 3)
    assert list(read_parquet(written(told(*WEEK)))) == told(*WEEK)


def test_duckdb_sums_counts_and_effort_and_finds_no_data_apart(tmp_path: Path) -> None:
    path = tmp_path / "week.parquet"
    path.write_bytes(written(told(COUNTED, NOTHING_SEEN, NO_DATA)))
    rows = duckdb.sql(
        f"SELECT label, sum(count), min(low), max(high) FROM '{path}' WHERE taxa > 0 GROUP BY label ORDER BY label"  # noqa: S608
    ).fetchall()
    assert rows == [("Myzus persicae", 230, 201, 260), ("Plutella xylostella", 12, 9, 17)]
    ((zeros, without),) = duckdb.sql(
        f"SELECT count(*) FILTER (taxa = 0), count(*) FILTER (no_data IS NOT NULL) FROM '{path}'"  # noqa: S608
    ).fetchall()
    assert (zeros, without) == (1, 1)


def test_moments_are_moments_to_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "week.parquet"
    path.write_bytes(written(told(COUNTED)))
    ((kind,),) = duckdb.sql(f"SELECT DISTINCT typeof(start_utc) FROM '{path}'").fetchall()  # noqa: S608
    assert kind == "TIMESTAMP WITH TIME ZONE"
