"""A database that was lent to a test is the next one's as if it were new."""

import subprocess
from contextlib import closing

import pytest
from psycopg import OperationalError

from edge.platform.database import open_database
from tests.platform.copies import Copies
from tests.platform.postgres import BIN

DONE = {
    "rows": "INSERT INTO recipient (kind, address, prefix) VALUES ('webhook', 'http://a', '')",
    "many rows": "INSERT INTO recipient (kind, address, prefix)"
    " SELECT 'webhook', 'http://' || n, '' FROM generate_series(1, 3000) AS n",
    "no rows": "DELETE FROM schema_version; DELETE FROM turn",
    "other rows": "UPDATE turn SET until = now() WHERE of_what = 'lead'",
    "a month": "CREATE TABLE record_2026_07 PARTITION OF record FOR VALUES FROM ('2026-07-01') TO ('2026-08-01')",
    "a column": "ALTER TABLE recipient ADD COLUMN more text",
    "a trigger": "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END';"
    "CREATE TRIGGER fails BEFORE INSERT ON record EXECUTE FUNCTION fails()",
    "a right": "GRANT SELECT ON recipient TO PUBLIC",
    "a schema": "CREATE SCHEMA other; CREATE TABLE other.one AS SELECT 1 AS n",
    "a setting": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 999', current_database()); END $$",
    "nobody in": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 0', current_database()); END $$",
}


def content(url: str) -> list[str]:
    """All that a backup would keep, and what is set."""
    with open_database(url) as database:
        (memory,) = database.execute("SHOW work_mem").fetchall()
    dump = subprocess.run([BIN / "pg_dump", url], capture_output=True, text=True, check=True).stdout
    return [*memory, *(line for line in dump.splitlines() if "restrict " not in line)]


@pytest.fixture(scope="module")
def as_new(still_url: str) -> list[str]:
    return content(still_url)


@pytest.mark.parametrize("done", DONE.values(), ids=DONE)
def test_nothing_that_a_test_did_to_its_database_is_there_for_the_next(
    done: str, copies: Copies, as_new: list[str]
) -> None:
    with copies.lent("form") as url:
        left = open_database(url)
        left.execute(done.encode())
    with copies.lent("form") as url:
        assert content(url) == as_new
    with closing(left), pytest.raises(OperationalError):  # a desk or a worker that lives on
        left.execute("SELECT")
