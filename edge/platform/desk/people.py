"""Who may log in at the desk, and in which role they then ask the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from secrets import token_bytes
from unicodedata import category, normalize

from psycopg import sql
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from werkzeug.security import check_password_hash, generate_password_hash

from edge.errors import StoreError, UsageError
from edge.platform.areas.population import as_area
from edge.platform.database import Database, first_line, only_row, open_database
from edge.platform.tables import role_remedy

CONNECTION_NAME = "fieldeye desk"
FEWEST_LETTERS = 10
MOST_FAILURES = 5  # then a quarter of an hour of rest for that name
STAMP_LETTERS = 16
_NOBODY = generate_password_hash("nobody")  # an unknown name takes as long as a known one


def add_person(database: Database, name: str, password: str, area: str) -> str:
    """Also changes password and area of who is there. Returns the area that they see. Raises UsageError, StoreError."""
    name, password = name_of(name), _composed(password)
    if len(password) < FEWEST_LETTERS:
        raise UsageError(f"a password has at least {FEWEST_LETTERS} letters; choose a longer one")
    area = as_area(area)
    if not 0 < len(name) <= 80 or any(category(letter) == "Cc" for letter in name):
        raise UsageError("a name has 1 to 80 letters, in one line; choose another")
    role = f"fieldeye_area_{area or 'all'}"
    try:
        with database.transaction():
            database.execute("SELECT add_desk_role(%s, %s)", (role, area))
            _hand_on(database, role)
            database.execute(
                "INSERT INTO person (name, password_hash, role) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE"
                " SET password_hash = excluded.password_hash, role = excluded.role, failures = 0, locked_until = NULL",
                (name, generate_password_hash(password), role),
            )
    except InsufficientPrivilege as why:
        raise StoreError(
            f"the database's user may not make the role {role} ({first_line(why)}); {role_remedy(database)}"
        ) from why
    return area


def _hand_on(database: Database, role: str) -> None:
    """To who owns the tables, as whom the desk runs, where a superuser adds somebody."""
    asked = "SELECT tableowner FROM pg_tables WHERE tablename = 'person' AND tableowner <> current_user"
    for (owner,) in database.execute(asked).fetchall():
        names = (sql.Identifier(role), sql.Identifier(owner))
        database.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(*names))


def area_of(database: Database, name: str) -> str | None:
    """Whose nodes somebody sees; None for nobody of that name."""
    found = database.execute("SELECT prefix FROM person JOIN reader USING (role) WHERE name = %s", (name_of(name),))
    row = found.fetchone()
    return None if row is None else str(row[0])


def people(database: Database) -> list[tuple[str, str]]:
    """Names of those who may log in, and whose nodes each sees."""
    return database.execute("SELECT name, prefix FROM person JOIN reader USING (role) ORDER BY prefix, name").fetchall()


def remove_person(database: Database, name: str) -> None:
    """Nobody of that name may log in any more, and who has is out. Raises UsageError."""
    if database.execute("DELETE FROM person WHERE name = %s", (name_of(name),)).rowcount == 0:
        names = [one for (one,) in database.execute("SELECT name FROM person ORDER BY name").fetchall()]
        raise UsageError(f"--remove-person: nobody is called {name!r}; give one of: {', '.join(names) or 'nobody yet'}")


@contextmanager
def as_person(url: str, name: str, stamp: str) -> Iterator[Database | None]:
    """A transaction in the role of who logged in, until the `with` ends; None for who may not any more.

    A pooler may give each transaction to another of the server's processes: the role goes with it.
    """
    with open_database(url, CONNECTION_NAME) as database, database.transaction():
        role = _role_of(database, name, stamp)
        if role is not None:
            _take_on(database, role)
        yield None if role is None else database


def _role_of(database: Database, name: str, stamp: str) -> str | None:
    """The role now of who logged in with that stamp; None once they are gone, out or have another password."""
    row = database.execute("SELECT role, password_hash, log_outs FROM person WHERE name = %s", (name,)).fetchone()
    if row is None or _stamp(row[1], row[2]) != stamp:
        return None
    return str(row[0])


def _take_on(database: Database, role: str) -> None:
    """Raises StoreError for a role that is not there, as after a backup without the server's roles, or not ours."""
    try:
        database.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    except (InvalidParameterValue, InsufficientPrivilege) as why:
        by = " as the server's superuser" if isinstance(why, InsufficientPrivilege) else ""
        raise StoreError(f"the role {role} cannot be taken on ({first_line(why)}); add its people again{by}") from why


def end_log_ins(database: Database, name: str) -> None:
    """Whoever is logged in with that name is out."""
    database.execute("UPDATE person SET log_outs = log_outs + 1 WHERE name = %s", (name,))


def stamp_of(database: Database, name: str, password: str) -> str | None:
    """The stamp of who knows it; None else, and for a while after five wrong ones.

    It is another with each password and after each log-out.
    """
    asked = "SELECT password_hash, log_outs FROM person WHERE name = %s"
    password_hash, log_outs = database.execute(asked, (name,)).fetchone() or (_NOBODY, 0)
    if check_password_hash(password_hash, _composed(password)):
        # Of guesses that come at once only those before the fifth find the name still awake, also the right one.
        found = database.execute(
            "UPDATE person SET failures = 0, locked_until = NULL"
            " WHERE name = %s AND coalesce(locked_until <= now(), true)",
            (name,),
        )
        return _stamp(password_hash, log_outs) if found.rowcount == 1 else None
    database.execute(
        "UPDATE person SET failures = (failures + 1) %% %s,"
        " locked_until = CASE WHEN failures + 1 >= %s THEN now() + interval '15 minutes' END"
        " WHERE name = %s AND coalesce(locked_until <= now(), true)",
        (MOST_FAILURES, MOST_FAILURES, name),
    )
    return None


def name_of(typed: str) -> str:
    """A person's name as it is kept: a phone adds a blank behind what it suggests."""
    return _composed(typed.strip())


def _composed(typed: str) -> str:
    """As it is kept: Macs and some keyboards send an accent as a letter of its own."""
    return normalize("NFC", typed)


def secret(database: Database) -> bytes:
    """What signs the log-ins: made once, kept in the database, out of every role's sight."""
    database.execute("INSERT INTO desk_secret (secret) VALUES (%s) ON CONFLICT DO NOTHING", (token_bytes(32),))
    (kept,) = only_row(database, "SELECT secret FROM desk_secret")
    return bytes(kept)


def _stamp(password_hash: str, log_outs: int) -> str:
    return sha256(f"{password_hash} {log_outs}".encode()).hexdigest()[:STAMP_LETTERS]
