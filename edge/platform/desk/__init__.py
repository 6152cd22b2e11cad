"""The county desk's web map. Who logs in asks the database in the role of an area; nothing comes from elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import waitress
from flask import Flask
from psycopg import sql

from edge.platform.database import Database, open_database
from edge.platform.desk.people import secret
from edge.platform.desk.views import desk
from edge.platform.hull import Point

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_FORM_BYTES = 65_536


def create_app(url: str, outlines: Sequence[Sequence[Point]] = (), *, https: bool = False) -> Flask:
    """The desk on a database. `https`: cookies travel over TLS only."""
    app = Flask("edge.platform.desk")
    with open_database(url, "fieldeye desk") as database:
        app.secret_key = secret(database)
    app.config.update(
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_SECURE=https,
        MAX_CONTENT_LENGTH=MOST_FORM_BYTES,
        OUTLINES=[[(point.latitude_deg, point.longitude_deg) for point in ring] for ring in outlines],
        AS_ROLE=roles(url),
        AS_DESK=lambda: open_database(url, "fieldeye desk"),
    )
    app.register_blueprint(desk)

    @app.after_request
    def _headers(response: object) -> object:
        response.headers.update(HEADERS)  # type: ignore[attr-defined]
        return response

    return app


def serve(app: Flask, host: str, port: int) -> None:
    """Until the process is stopped."""
    waitress.serve(app, host=host, port=port, threads=4, ident="fieldeye")


def roles(url: str) -> Callable[[str], AbstractContextManager[Database]]:
    """A connection in a role, until the `with` ends."""

    @contextmanager
    def as_role(role: str) -> Iterator[Database]:
        with open_database(url, "fieldeye desk") as database:
            database.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            yield database

    return as_role
