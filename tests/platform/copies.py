"""Databases for tests, each as its template is: to copy one takes a hundred times as long as to empty it.

One in which a test changed nothing but rows, or made but tables, gets the template's rows again and is lent to the next
test; any other goes.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from psycopg import DatabaseError
from psycopg.sql import SQL, Composed, Identifier

from edge.errors import StoreError
from edge.platform.database import Database, open_database
from tests.platform.postgres import Postgres

# All that a database is but rows: what is not PostgreSQL's own has an oid from 16384 on, and a row of a catalogue that
# was changed has another xmin; that of a table also where only its rows were.
SHAPE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT (to_jsonb(c) - '{relfilenode,relpages,reltuples,relallvisible,relfrozenxid,relminmxid}'::text[])::text
        FROM pg_class c WHERE oid >= 16384 AND relpersistence <> 't'
    UNION ALL SELECT to_jsonb(n)::text FROM pg_namespace n WHERE nspname !~ '^pg_(toast_)?temp_'
    UNION ALL SELECT (to_jsonb(d) - '{oid,datname,datfrozenxid,datminmxid}'::text[])::text
        FROM pg_database d WHERE datname = current_database()
    UNION ALL SELECT to_jsonb(s)::text FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()
    UNION ALL SELECT gid FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL SELECT concat_ws(' ', tableoid, attrelid, attnum, xmin) FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, indexrelid, xmin) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, starelid, staattnum, xmin) FROM pg_statistic WHERE starelid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, objoid, objsubid, xmin) FROM pg_description WHERE objoid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_attrdef
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_default_acl
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_event_trigger
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_largeobject_metadata
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_policy
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_publication
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_rewrite WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_statistic_ext
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', tableoid, oid, xmin) FROM pg_type
        WHERE oid >= 16384 AND typnamespace::regnamespace::text !~ '^pg_(toast_)?temp_'
) AS everything(line)
"""
TABLES = """SELECT relnamespace::regnamespace::text, relname FROM pg_class
    WHERE oid >= 16384 AND relkind = 'r' AND relpersistence <> 't' ORDER BY 1, 2"""
GROWN = f"{TABLES.partition('ORDER')[0]} AND pg_relation_size(oid) > %s"
REACHED = """SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences"""
OTHERS_END = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
GROWN_BYTES = 80 * 1024  # of an empty table, which is planned for as if it had ten pages; to cut one off takes 10 ms
EMPTY = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"  # what COPY writes of a table without rows
Name = tuple[str, str]  # of its schema and its own


@dataclass(frozen=True)
class Form:
    """What a database is made of."""

    shape: str
    tables: Mapping[Name, bytes]  # each with its rows
    reached: Set[tuple[str, int, bool]]  # the last number of each sequence, and whether it was given


class Copies:
    """Of the databases of one server."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._numbers = count()
        self._forms: dict[str, Form] = {}
        self._idle: defaultdict[str, list[str]] = defaultdict(list)

    @contextmanager
    def lent(self, template: str) -> Iterator[str]:
        """One's address, with whatever is in `template`, to which nobody may be connected."""
        for other in self._idle.keys() - {template, "form"}:  # of a module that is over
            for name in self._idle.pop(other):
                self._drop(name)
        name = self._idle[template].pop() if self._idle[template] else self._made(template)
        yield self._server.url(name)
        if self._is_again(name, self._forms[template]):
            self._idle[template].append(name)
        else:
            self._drop(name)

    def _made(self, template: str) -> str:
        name = f"copy_{next(self._numbers)}"
        with open_database(self._server.url()) as database:
            database.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log".encode())
        if template not in self._forms:
            with open_database(self._server.url(name)) as database:
                self._forms[template] = form_of(database)
        return name

    def _drop(self, name: str) -> None:
        with open_database(self._server.url()) as database:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _is_again(self, name: str, form: Form) -> bool:
        try:
            with open_database(self._server.url(name)) as database:
                return becomes(database, form)
        except (StoreError, DatabaseError):  # it lets nobody in, or not take away what was made there
            return False


def form_of(database: Database) -> Form:
    tables = {table: rows_of(database, table) for table in tables_of(database)}
    return Form(shape_of(database), tables, reached(database))


def becomes(database: Database, form: Form) -> bool:
    """Nobody else is in it, and it is as the form; False where more was changed in it than can be put right."""
    database.execute(OTHERS_END)
    if made := [one for one in tables_of(database) if one not in form.tables]:
        database.execute(SQL("DROP TABLE {}").format(names_of(made)))
    if shape_of(database) != form.shape:
        return False
    with database.transaction():
        database.execute("SET LOCAL session_replication_role = replica")  # no trigger of theirs
        filled, grown = filled_of(database, [*form.tables])
        others = [
            one
            for one, rows in form.tables.items()
            if (one in filled if rows == EMPTY else rows_of(database, one) != rows)
        ]
        if grown.isdisjoint(others):
            for table in others:
                database.execute(SQL("DELETE FROM {}").format(Identifier(*table)))
        else:
            database.execute(SQL("TRUNCATE {} CASCADE").format(names_of(filled)))
            others = [*form.tables]
        for table in [one for one in others if form.tables[one] != EMPTY]:
            with database.cursor().copy(SQL("COPY {} FROM STDIN (FORMAT binary)").format(Identifier(*table))) as copy:
                copy.write(form.tables[table])
        went_on = {sequence for sequence, *_ in reached(database) - form.reached}
        for last in [one for one in form.reached if one[0] in went_on]:
            database.execute("SELECT setval(%s, %s, %s)", last)
    return True


def shape_of(database: Database) -> str:
    return str(database.execute(SHAPE).fetchall())


def tables_of(database: Database) -> list[Name]:
    return [(schema, name) for schema, name in database.execute(TABLES)]


def names_of(tables: list[Name]) -> Composed:
    return SQL(", ").join(Identifier(*one) for one in tables)


def filled_of(database: Database, tables: list[Name]) -> tuple[list[Name], set[Name]]:
    """Those that have rows, and those that have grown."""
    each = [SQL("EXISTS (SELECT FROM {})").format(Identifier(*one)) for one in tables]
    ((has_rows,),) = database.execute(SQL("SELECT ARRAY[{}]").format(SQL(", ").join(each)))
    filled = [one for one, is_filled in zip(tables, has_rows, strict=True) if is_filled]
    grown = database.execute(GROWN, [GROWN_BYTES]).fetchall()
    return filled, {(schema, name) for schema, name in grown}


def rows_of(database: Database, table: Name) -> bytes:
    with database.cursor().copy(SQL("COPY {} TO STDOUT (FORMAT binary)").format(Identifier(*table))) as copy:
        return b"".join(bytes(piece) for piece in copy)


def reached(database: Database) -> set[tuple[str, int, bool]]:
    return {(name, last, is_called) for name, last, is_called in database.execute(REACHED)}
