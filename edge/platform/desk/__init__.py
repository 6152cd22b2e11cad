"""The county desk's web map. Who logs in asks the database in the role of an area; nothing comes from elsewhere."""

import logging
import socket
from collections.abc import Sequence
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import waitress
from flask import Flask, Response, request
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from werkzeug.exceptions import HTTPException

from edge.errors import StoreError, UsageError
from edge.languages import COOKIE, HTML_LANGUAGE, LANGUAGES, REVIEWED, PoBabel, chosen_language, language
from edge.platform.areas.hull import Point
from edge.platform.database import GONE, open_database
from edge.platform.desk import alerts_page, map_page, nodes_page, questions_page
from edge.platform.desk.entry import CHECKS_AT_ONCE, LOG_INS_AT_ONCE, desk, page_of_form, refused
from edge.platform.desk.people import CONNECTION_NAME, secret
from edge.platform.sentences import between, choice_words, count_words, place_words, value_words, when
from edge.platform.words import CATALOGUES, gettext, named

PAGES = (map_page, alerts_page, nodes_page, questions_page)  # each adds its addresses to the blueprint
YEAR_S = 365 * 86_400
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_FORM_BYTES = 65_536
NOT_FOUND = 404
LOG_IN_S = 12 * 3600


def create_app(url: str, outlines: Sequence[Sequence[Point]] = (), *, https: bool = False) -> Flask:
    """The desk on a database. `https`: cookies travel over TLS only."""
    app = Flask("edge.platform.desk")
    with open_database(url, CONNECTION_NAME) as database:
        app.secret_key = secret(database)
    app.config.update(
        SESSION_COOKIE_SAMESITE="Lax",  # a link in a message finds who is logged in; forms carry a token
        SESSION_COOKIE_SECURE=https,
        PERMANENT_SESSION_LIFETIME=LOG_IN_S,  # its cookie is refused afterwards, also where a browser has kept it
        MAX_CONTENT_LENGTH=MOST_FORM_BYTES,
        OUTLINES=[[(point.latitude_deg, point.longitude_deg) for point in ring] for ring in outlines],
        DATABASE=url,
        CHECKS=BoundedSemaphore(CHECKS_AT_ONCE),
        LOG_INS=BoundedSemaphore(LOG_INS_AT_ONCE),
    )
    app.register_blueprint(desk)
    _speak(app, https=https)
    _refuse(app)

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return app


def _refuse(app: Flask) -> None:
    """Errors in the reader's words; why, for who runs the desk, in its log."""

    def cannot() -> str:
        return gettext("The desk cannot answer this now. Try again soon, or tell who runs it.")

    @app.errorhandler(HTTPException)
    def _in_words(error: HTTPException) -> tuple[str, int]:
        code = error.code or 500
        return refused(code, gettext("There is no such page here.") if code == NOT_FOUND else cannot())

    def _noted(error: Exception) -> tuple[str, int]:
        app.logger.error("%s: %s", quote(request.path), str(error).partition("\n")[0])
        return refused(400 if isinstance(error, psycopg.DataError) else 503, cannot())

    # UndefinedTable: before a backup is restored. DataError: a NUL, which no column of text can hold.
    for error in (StoreError, *GONE, psycopg.errors.UndefinedTable, psycopg.DataError):
        app.register_error_handler(error, _noted)


def _speak(app: Flask, *, https: bool) -> None:
    """The reader's language, remembered once chosen; and what every template needs."""
    PoBabel(app, CATALOGUES, locale_selector=lambda: chosen_language(request), default_timezone="UTC")
    app.jinja_env.globals.update(
        between=between,
        choice_words=choice_words,
        count_words=count_words,
        place_words=place_words,
        value_words=value_words,
        when=when,
        named=named,
    )

    @app.context_processor
    def _every_page() -> dict[str, object]:
        asked = request.args.to_dict()
        # `/\evil.example` is another server's
        here = quote(request.path) if request.method == "GET" else page_of_form()
        return {
            "html_language": HTML_LANGUAGE[language()],
            "language_name": LANGUAGES[language()],
            "is_machine_translated": language() not in REVIEWED,
            "languages": [
                (code, HTML_LANGUAGE[code], name, f"{here}?{urlencode({**asked, 'lang': code})}")
                for code, name in LANGUAGES.items()
            ],
            "pages": [
                ("desk.map_page", gettext("Map")),
                ("desk.alerts_page", gettext("Alerts")),
                ("desk.nodes_page", gettext("Nodes")),
                ("desk.questions_page", gettext("Questions")),
            ],
        }

    @app.after_request
    def _remember(response: Response) -> Response:
        if request.args.get("lang") in LANGUAGES:
            response.set_cookie(
                COOKIE, request.args["lang"], max_age=YEAR_S, samesite="Lax", httponly=True, secure=https
            )
        return response


class Request(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """What waitress leaves without an answer, with a traceback in the log of who runs the desk, is refused."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as why:  # of an address as http://[::1, of a length of five thousand digits
            raise ParsingError(str(why)) from why


class Channel(HTTPChannel):  # type: ignore[misc]
    """One browser's line."""

    parser_class = Request


def listening(app: Flask, host: str, port: int) -> Any:
    """A server whose `run` serves until the process is stopped. Raises UsageError."""
    if not 0 < port < 65536:
        raise UsageError(f"--port {port} is no port; give 1 to 65535")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a browser asks for much at once
    try:
        line = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, ValueError) as why:
        raise UsageError(f"{host}:{port} cannot be served ({why}); give another --host or --port") from why
    most = {"max_request_body_size": MOST_FORM_BYTES}  # of what a stranger sends, before it fills the disk
    server = waitress.create_server(app, sockets=[line], threads=LOG_INS_AT_ONCE + 4, ident="fieldeye", **most)
    server.channel_class = Channel
    return server
