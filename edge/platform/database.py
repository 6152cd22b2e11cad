"""Opens the platform's PostgreSQL, and says in sentences what it refuses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from edge.errors import ConfigError, StoreError

Database = Connection[tuple[Any, ...]]
# A value that no table holds. The second, a text too long for an index, is an OperationalError as a lost database is.
BAD_VALUE = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
# The second ends a transaction in which this machine stood still: `idle_in_transaction_session_timeout`.
GONE = (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout)
NO_TABLES = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)  # as before a backup is restored
_GIVE_UP_S = 10
# A server whose power or line has gone answers nothing: without these its end is noticed after two hours.
_LINE = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 2, "tcp_user_timeout": 40_000}
# Set once connected, whatever server, database, role, address and PG… variables say; a pooler refuses none of it.
_SETTINGS = "".join(
    f"SET {setting};"
    for setting in (
        "client_encoding = 'UTF8'",
        "datestyle = 'ISO'",
        "timezone = 'UTC'",
        "client_min_messages = 'warning'",
        "plan_cache_mode = 'force_custom_plan'",  # one for all areas and dates took 18 s where its own takes 0.1
        "jit = off",  # a map of 2,000 nodes waited 4 s for its questions to be compiled, and took 0.9 without
        "idle_in_transaction_session_timeout = '30s'",  # a worker that hangs with locks must not hold up the others
        "lock_timeout = '45s'",  # before a broker's keepalive lapses, which would be blamed
        "statement_timeout = 0",  # what takes longer would fail again each time
        "idle_session_timeout = 0",
        "row_security = on",  # off refuses what it would have to leave out: each page of the desk
        "default_transaction_isolation = 'read committed'",  # a standby has no `serializable`, workers would fail in it
    )
)
_AS_WRITTEN = "write postgresql://USER:PASSWORD@HOST/NAME, with %40 for @ and %25 for % in the password"
_SINCE_17 = "SET transaction_timeout = 0;"  # servers before that do not know it


def open_database(url: str, name: str = "fieldeye", *, only_reads: bool = False) -> Database:
    """A connection that commits each statement unless a transaction is opened. Raises StoreError, ConfigError.

    Of several servers in `url` it is to the one that writes, unless `url` says otherwise; what only reads takes any.
    """
    try:
        told = conninfo_to_dict(url)
    except psycopg.ProgrammingError as why:  # whose text has the password in it
        raise ConfigError(f"--database is no address; {_AS_WRITTEN}") from why
    try:
        database = psycopg.connect(
            make_conninfo(url, **(_LINE | told)),
            autocommit=True,
            connect_timeout=_GIVE_UP_S,
            application_name=name,
            target_session_attrs=told.get("target_session_attrs") or ("any" if only_reads else "read-write"),
        )
        is_17 = database.info.server_version >= 170_000
        database.execute((_SETTINGS + _SINCE_17 * is_17).encode())
    except psycopg.OperationalError as why:
        has_at = any("@" in str(told.get(key)) for key in ("host", "port", "dbname"))
        if has_at:  # the rest of a password, told in `why`
            raise StoreError(f"the database cannot be reached; check --database: {_AS_WRITTEN}") from why
        raise StoreError(f"the database cannot be reached ({first_line(why)}); check --database") from why
    return database


@contextmanager
def reachable() -> Iterator[None]:
    """Round work on a database that may go meanwhile, never had our tables or is another's: raises StoreError then."""
    try:
        yield
    except psycopg.errors.DiskFull as why:
        raise StoreError(disk_full(why)) from why
    except psycopg.errors.LockNotAvailable as why:
        raise StoreError(f"the database's tables stay locked ({first_line(why)}); start this again later") from why
    except psycopg.errors.InsufficientPrivilege as why:
        raise StoreError(f"the database's user may not ({first_line(why)}); ask the owner of its tables") from why
    except psycopg.errors.ReadOnlySqlTransaction as why:
        raise StoreError(f"the database is read-only ({first_line(why)}); give --database the one that writes") from why
    except GONE as why:
        raise StoreError(f"the database has gone ({first_line(why)}); start it, then this again") from why
    except NO_TABLES as why:
        raise StoreError(without_tables(why)) from why


def only_row(database: Database, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> tuple[Any, ...]:
    """Of a query that has one whatever there is."""
    (row,) = database.execute(query.encode(), values)
    return row


def storable(text: str) -> str:
    """Without what PostgreSQL refuses in a text: NUL, and the bytes of a file name that are no UTF-8."""
    return text.encode(errors="replace").decode().replace("\0", "�")


def disk_full(why: Exception) -> str:
    """Says that and what to do."""
    return f"the database's disk is full ({first_line(why)}); free space on the database's disk"


def without_tables(why: Exception) -> str:
    """Says that and what to do."""
    says = f"the database lacks our tables ({first_line(why)}); restore its backup"
    return f"{says}; where there is none, the next start of `ingest --database` makes them"


def not_just(noted: str, within: str) -> str:
    """SQL: nothing is noted there, or not within that time: what a clock that ran ahead noted is not waited for."""
    return f"({noted} IS NULL OR {noted} NOT BETWEEN now() - {within} AND now() + {within})"


def first_line(why: Exception) -> str:
    """What PostgreSQL says, without its hints."""
    return (str(why).strip().splitlines() or [type(why).__name__])[0]
