"""Brings the database's tables, its roles' rights and PostGIS's views to this version's form."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from threading import Event, Thread

import psycopg

from edge.errors import StoreError, StoreNewerError
from edge.platform.database import Database, first_line, only_row

log = logging.getLogger(__name__)
WAIT_S = 30  # for who reads a table that changes
OLDEST_SERVER = 16  # those before do not know pg_has_role(…, 'SET'), which `add_reader` asks
_FIRST = 7_043_000  # advisory lock, which anybody may hold who may log in: only until there is a table to lock
_BROUGHT_HERE = 19  # the oldest version that a build brought to the first of ours
_GRANTS = re.compile(r"^(?:GRANT|REVOKE) [^;]+ (?:TO|FROM) (?:PUBLIC|fieldeye_(?:reader|desk));", re.MULTILINE)
_HAVE_RIGHTS = """
    SELECT has_table_privilege('fieldeye_reader', 'reader', 'SELECT')
       AND has_column_privilege('fieldeye_desk', 'question', 'answer', 'UPDATE')
       AND NOT has_function_privilege('public', 'add_reader(name, text)', 'EXECUTE')
"""
_OWNER = """
    SELECT pg_get_userbyid(relowner) FROM pg_class
    WHERE oid = to_regclass('schema_version') AND NOT pg_has_role(relowner, 'USAGE')
"""
# One that is there and no member any more was revoked.
_MEMBERS = """
    SELECT add_reader(role, prefix) FROM reader WHERE to_regrole(quote_ident(role)) IS NULL;
    SELECT add_desk_role(role, prefix) FROM reader WHERE role IN (SELECT role FROM person) AND NOT EXISTS (
        SELECT FROM pg_auth_members WHERE roleid = 'fieldeye_desk'::regrole AND member = to_regrole(quote_ident(role))
    )
"""
# Where there is PostGIS: are its views there, of this script and with their rights?
_POINTS_ARE_THERE = """
    SELECT coalesce(obj_description(to_regclass('effort_point'), 'pg_class') = %s
                    AND has_table_privilege('fieldeye_reader', to_regclass('night_point'), 'SELECT'), false)
    FROM pg_extension WHERE extname = 'postgis'
"""
# Each lock's holder, and who is before it in the queue, down to those that wait for nobody.
_IN_THE_WAY = """
    WITH RECURSIVE before AS (
        SELECT unnest(pg_blocking_pids(%s)) AS pid UNION SELECT unnest(pg_blocking_pids(pid)) FROM before
    )
    SELECT format('%%s (process %%s)', usename, pid) FROM before JOIN pg_stat_activity USING (pid)
    WHERE pg_blocking_pids(pid) = '{}' ORDER BY pid LIMIT 5
"""
# Of a database that was moved: what a node tells next holds again.
_WITHOUT_ZONE = """
    UPDATE node SET time_zone = 'UTC' WHERE time_zone NOT IN (SELECT name FROM pg_timezone_names) RETURNING site, node
"""
_FIND_POSTGIS = """
    SELECT set_config('search_path', concat_ws(', ', current_setting('search_path'), extnamespace::regnamespace), true)
    FROM pg_extension WHERE extname = 'postgis'
"""


def migrate(database: Database) -> list[int]:
    """Apply what is missing of migrations/ and then functions/, in one transaction; says which. Raises StoreError."""
    _check_server(database)
    holders: list[str] = []
    try:
        with database.transaction(), _looking(database, holders):
            missing = _apply_missing(database)
    except psycopg.errors.InsufficientPrivilege as why:
        raise StoreError(
            f"the database's user may not make what is missing ({first_line(why)}); {role_remedy(database)}"
        ) from why
    except psycopg.errors.DeadlockDetected:  # a backup that has one table and waits for another goes on now
        return migrate(database)
    except psycopg.errors.LockNotAvailable as why:
        users = ", ".join(holders) or "somebody, gone by now"
        raise StoreError(
            f"the tables cannot be brought up to date while others use them ({users}); end that, and start again"
        ) from why
    except psycopg.errors.DependentObjectsStillExist as why:
        in_the_way = str(why.diag.message_detail).replace("\n", ", ")
        raise StoreError(
            f"the tables cannot be brought up to date ({in_the_way}); drop what depends, start again, then make it anew"
        ) from why
    except psycopg.Error as why:
        raise StoreError(f"the tables cannot be brought up to date ({first_line(why)}); ask who runs it") from why
    _make_points(database)
    return missing


@contextmanager
def _looking(database: Database, holders: list[str]) -> Iterator[None]:
    """Meanwhile `holders` are who was last in its way: once it gives up, who only stood behind it looks the same."""
    (pid,) = only_row(database, "SELECT pg_backend_pid()")
    over = Event()

    def look() -> None:
        if over.wait(WAIT_S / 10):  # as nearly always
            return
        with (
            suppress(psycopg.Error),
            psycopg.connect(database.info.dsn, password=database.info.password, autocommit=True) as other,
        ):
            while not over.wait(WAIT_S / 10):
                if users := other.execute(_IN_THE_WAY.encode(), (pid,)).fetchall():
                    holders[:] = [str(user) for (user,) in users]

    thread = Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def version_of(database: Database, newest: int) -> int:
    """Of its tables, 0: none yet. Raises StoreNewerError if it is above the `newest` that this program knows."""
    there = max((row[0] for row in database.execute("SELECT version FROM schema_version")), default=0)
    if there > newest:
        raise StoreNewerError(f"the database has version {there}, this program knows {newest}; update this program")
    return there


def role_remedy(database: Database) -> str:
    """What to do where the database's user may not make a role or hand one on, or is not who owns the tables."""
    if row := database.execute(_OWNER).fetchone():
        return f"connect as the owner of its tables, {row[0]}"
    if database.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone() == (True,):
        return "another user made this server's roles, which its databases share: give these one owner, or two servers"
    return "connect as the one who made the others, or give it the right: ALTER ROLE … CREATEROLE"


def _check_server(database: Database) -> None:
    version = database.info.server_version // 10_000
    if version < OLDEST_SERVER:
        raise StoreError(
            f"the database's server is PostgreSQL {version}; bring it to {OLDEST_SERVER} or later, or name another"
            " one in --database"
        )
    encoding = database.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"the database has the encoding {encoding}, which cannot hold every name; make one with"
            " createdb --encoding UTF8 --template template0, and name it in --database"
        )


def _apply_missing(database: Database) -> list[int]:
    """One program at a time; the others wait, and then find nothing missing."""
    database.execute("SET LOCAL lock_timeout = 0")  # another one's may take minutes
    database.execute("SELECT pg_advisory_xact_lock(%s) WHERE to_regclass('schema_version') IS NULL", (_FIRST,))
    database.execute(
        "CREATE TABLE IF NOT EXISTS schema_version"
        " (version integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
    )
    database.execute("LOCK TABLE schema_version IN EXCLUSIVE MODE")
    database.execute(f"SET LOCAL lock_timeout = {WAIT_S * 1000:.0f}".encode())  # meanwhile all others wait behind it
    known = migrations()
    there = version_of(database, max(known))
    first = min(known)
    if 0 < there < first:
        older = f"bring it to {first} with the last build of 1 December 2026, or " if there >= _BROUGHT_HERE else ""
        raise StoreError(f"the database has version {there}, from before {first}; {older}name a new one in --database")
    database.execute(files("edge.platform").joinpath("reader_role.sql").read_bytes())
    missing = [version for version in known if version > there]
    for version in missing:
        for script in known[version].values():
            database.execute(script.encode())
        names = ", ".join(known[version])
        database.execute("INSERT INTO schema_version (version, name) VALUES (%s, %s)", (version, names))
    if missing:
        for function in functions().values():
            database.execute(function.encode())
    for site, node in database.execute(_WITHOUT_ZONE).fetchall():
        why = "the database's server does not know its zone, nights are of UTC; install tzdata-legacy there"
        log.warning("time_zone_refused", extra={"site": site, "node": node, "why": f"{why}, then start again"})
    _bring_back_rights(database, known)
    return missing


def _bring_back_rights(database: Database, known: dict[int, dict[str, str]]) -> None:
    """Of the roles, as the scripts gave them, and their members: a backup of the database alone has neither."""
    if database.execute(_HAVE_RIGHTS.encode()).fetchone() != (True,):
        scripts = (script for each in (*known.values(), functions()) for script in each.values())
        for right in (one for script in scripts for one in _GRANTS.findall(script)):
            database.execute(right.encode())
        database.execute("SELECT add_reader(role, prefix) FROM reader")
    database.execute(_MEMBERS.encode())


def _make_points(database: Database) -> None:
    """The views of optional/postgis.sql, where PostGIS is there and they are not as in it. No start waits for them."""
    script = files("edge.platform").joinpath("optional/postgis.sql").read_bytes()
    comment = f"postgis.sql {sha256(script).hexdigest()}"
    try:
        if database.execute(_POINTS_ARE_THERE.encode(), (comment,)).fetchone() != (False,):
            return
        with database.transaction():
            # Given up before the second in which PostgreSQL, in a deadlock, would end a reader's question.
            database.execute("SET LOCAL lock_timeout = '500ms'")
            database.execute("LOCK TABLE schema_version IN EXCLUSIVE MODE")  # one at a time
            database.execute(_FIND_POSTGIS.encode())
            database.execute(script)
            database.execute(f"COMMENT ON VIEW effort_point IS '{comment}'".encode())
    except psycopg.Error as why:
        log.warning("points_not_made", extra={"why": first_line(why)})


def migrations() -> dict[int, dict[str, str]]:
    """Version → file name → SQL, in order: from the version before to this one, to the first from nothing."""
    found: dict[int, dict[str, str]] = {}
    for name, script in _scripts("migrations").items():
        found.setdefault(int(name[:4]), {})[name] = script
    return found


def functions() -> dict[str, str]:
    """File name → SQL of functions that have changed, as they are now: each new version puts them in place.

    No script of migrations/ may need one before it is called.
    """
    return _scripts("functions")


def _scripts(folder: str) -> dict[str, str]:
    paths = [path for path in files("edge.platform").joinpath(folder).iterdir() if path.name.endswith(".sql")]
    return {path.name: path.read_text("utf-8") for path in sorted(paths, key=lambda path: path.name)}
