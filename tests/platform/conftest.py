"""A PostgreSQL for all tests of the platform, and a fresh database in it for each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import pytest
from werkzeug.security import generate_password_hash

from edge.platform.database import Database, open_database
from edge.platform.tables import migrate
from tests.platform.copies import Copies
from tests.platform.fleet import Fleet, in_villages
from tests.platform.postgres import QUICK, Postgres

T = TypeVar("T")
_NUMBERS = count()


@pytest.fixture(scope="session", autouse=True)
def _passwords_soon_kept() -> Iterator[None]:
    """A hash takes 2 ms, not 70, to make and to check; what one costs in the product, desk/test_people.py holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "edge.platform.desk.people.generate_password_hash",
            lambda password: generate_password_hash(password, "scrypt:1024:8:1"),
        )
        yield


@pytest.fixture(autouse=True)
def _turns_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of who listens to a broker in this process, so that it soon sees that it is to end."""
    for listener in ("subscriber", "shared_subscription"):
        monkeypatch.setattr(f"edge.platform.broker.{listener}.TURN_S", 0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres(QUICK) as server:
        with open_database(server.url()) as database:
            database.execute("CREATE DATABASE form")
        with open_database(server.url("form")) as database:
            migrate(database)
        yield server


@pytest.fixture(scope="module")
def template() -> tuple[str, object]:
    """The name of a database that is only copied, and what is in it: all tables, and nothing in them."""
    return "form", None


@pytest.fixture(scope="session")
def copies(postgres: Postgres) -> Copies:
    return Copies(postgres)


@pytest.fixture
def url(copies: Copies, template: tuple[str, object]) -> Iterator[str]:
    """Of a database that is as the template."""
    with copies.lent(template[0]) as one:
        yield one


@pytest.fixture(scope="module")
def still_url(postgres: Postgres, template: tuple[str, object]) -> Iterator[str]:
    """Of one that a module's tests share: they only read it."""
    with fresh(postgres, template[0]) as one:
        yield one


@contextmanager
def filled(postgres: Postgres, fill: Callable[[Database], T]) -> Iterator[tuple[str, T]]:
    """Name and content of a database of a module's own, as its `template` or to be served."""
    with fresh(postgres) as one:
        with open_database(one) as database:
            made = database.info.dbname, fill(database)
        yield made


@contextmanager
def fresh(postgres: Postgres, template: str = "form") -> Iterator[str]:
    """A new database's address; it begins as the database `template`, to which nobody may be connected."""
    name = f"test_{next(_NUMBERS)}"
    with open_database(postgres.url()) as database:
        database.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log".encode())
    yield postgres.url(name)
    with open_database(postgres.url()) as database:
        database.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as one:
        yield one


@pytest.fixture
def fleet(database: Database, template: tuple[str, object]) -> Fleet:
    """That of the module's `template`, or four nodes in Zhejiang and one elsewhere, which have not said yet what their
    models can tell."""
    made = template[1]
    return made.copied_to(database) if isinstance(made, Fleet) else in_villages(database)
