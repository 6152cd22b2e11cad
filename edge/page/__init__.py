"""The page on the phone: what a farmer acts on and a technician looks at. It shows what is committed, and states."""

import hashlib
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from edge.clock import Clock
from edge.config import NodeConfig, PageTable
from edge.errors import ConfigError, FieldeyeError
from edge.languages import COOKIE, HTML_LANGUAGE, LANGUAGES, REVIEWED, PoBabel, chosen_language
from edge.mqtt.secret import read_secret
from edge.page.access import SAFE, install, is_for_scripts, page_above
from edge.page.accounts.people import people
from edge.page.api.metrics import metrics
from edge.page.api.v1 import api as api_
from edge.page.live import LivePicture
from edge.page.node import Node, node
from edge.page.now.done import deeds
from edge.page.now.season import Season
from edge.page.photo.looker import Looker
from edge.page.photo.routes import photograph
from edge.page.recent import Recent
from edge.page.review import review
from edge.page.routes import pages
from edge.page.server import PageServer, serve
from edge.page.set_up.measuring import measuring
from edge.page.set_up.routes import set_up as set_up_
from edge.page.settings.level_form import level_form
from edge.page.settings.routes import settings_form
from edge.page.support import help_
from edge.page.tones import ICONS
from edge.page.trust import Trust
from edge.page.trusted_hosts import behind, is_allowed, own_names, protect
from edge.page.words import CATALOGUES, gettext
from edge.status import StatusBoard
from edge.store import Store

__all__ = ["Looker", "PageServer", "create_app", "serve"]

log = logging.getLogger(__name__)

PARTS = (pages, api_, people, settings_form, level_form, set_up_, measuring, metrics, review, photograph, deeds, help_)
YEAR_S = 365 * 86_400
STATIC = Path(__file__).parent / "static"


def create_app(
    store: Store,
    board: StatusBoard,
    config: NodeConfig,
    clock: Clock,
    *,
    begin_again: Callable[[], None] | None = None,
    set_clock: Callable[[datetime], bool] | None = None,
    looker: Looker | None = None,
) -> Flask:
    """The page as a WSGI app. It owns nothing: whoever built store and board closes them.

    `begin_again` makes the node start anew with changed settings; None: a demonstration, which goes on as it is.
    `set_clock` has the board's clock set to a time in UTC and returns at once, False where nothing would do it.
    `looker` looks at photographs from phones; it has a thread only while it does, and is closed by whoever gave it.
    """
    app = Flask(__name__)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR_S  # each address of a static file carries its hash
    season = Season(store, ZoneInfo(config.node.time_zone), config.node.latitude)
    live, recent = LivePicture(board, clock), Recent(store, clock)
    app.extensions["fieldeye"] = Node(
        store, board, config, clock, live, recent, season, looker or Looker(), begin_again, set_clock
    )
    for part in PARTS:
        app.register_blueprint(part)
    _speak(app, config)
    _guard(app, config)
    install(app, _trust(store, board, config, clock))
    return app


def _trust(store: Store, board: StatusBoard, config: NodeConfig, clock: Clock) -> Trust:
    """A claim code that cannot be read is no reason not to show the page; then nobody can claim the node by it."""
    page, code = config.page, None
    try:
        if page is not None and page.claim_code_file is not None:
            code = read_secret(page.claim_code_file, "page.claim_code_file")
    except ConfigError as why:
        log.warning("claim_code_unreadable", extra={"why": str(why)})
    return Trust(store, board, clock, code, open_to_read=page is None or page.open_to_read)


def _speak(app: Flask, config: NodeConfig) -> None:
    """The reader's language, remembered once chosen; and what every template needs."""

    def language() -> str:
        return chosen_language(request, config.node.language)

    PoBabel(app, CATALOGUES, locale_selector=language, default_timezone="UTC")
    assets = {file.name: f"/static/{file.name}?v={_hash(file)}" for file in STATIC.iterdir()}

    @app.context_processor
    def every_page() -> dict[str, object]:
        when, page = node().moments(), config.page or PageTable()
        station, technician = page.station_phone, page.technician_phone
        return {
            "station_call": station
            and (_tel(station), gettext("Call the station: %(phone)s", phone=_unbroken(station))),
            "technician_call": technician
            and (_tel(technician), gettext("Call the technician: %(phone)s", phone=_unbroken(technician))),
            "html_language": HTML_LANGUAGE[language()],
            "languages": [(code, HTML_LANGUAGE[code], LANGUAGES[code], code == language()) for code in LANGUAGES],
            "language_name": LANGUAGES[language()],
            "is_machine_translated": language() not in REVIEWED,
            "site": config.node.site,
            "node_name": config.node.node,
            "here": _here(),
            "shown": when.dated(when.now_utc),
            "static": assets,
            "icons": ICONS,
            "tabs": [
                ("/", "home", gettext("Now")),
                ("/photo", "photo", gettext("Photo")),
                ("/live", "camera", gettext("Live")),
                ("/node", "node", gettext("Node")),
            ],
        }

    @app.after_request
    def remember(response: Response) -> Response:
        if request.args.get("lang") in LANGUAGES:
            response.set_cookie(
                COOKIE, request.args["lang"], max_age=YEAR_S, samesite="Lax", httponly=True, secure=request.is_secure
            )
        response.headers.add("Vary", "Accept-Language, Cookie")
        return response


def _tel(phone: str) -> str:
    """As RFC 3966 has it; of +44 (0)20 the nought is not dialled."""
    return "tel:" + re.sub(r"(?<=[+\d ])\(0\)|[^0-9+]", "", phone)


def _unbroken(phone: str) -> str:
    """In one line of a narrow button."""
    return phone.replace(" ", "\N{NO-BREAK SPACE}").replace("-", "\N{NON-BREAKING HYPHEN}")


def _here() -> str:
    """Where a link leads back here: an answer to a form has no address of its own, so to the nearest page above it."""
    if request.method in SAFE:
        return quote(request.path)  # `/\evil.example` is another server's
    return quote(page_above(request.path)) if request.url_rule else "/"  # a path of anybody's may be of any depth


def _guard(app: Flask, config: NodeConfig) -> None:
    """Own host names only, headers on every answer, errors in the reader's words."""
    names = own_names(config)
    app.wsgi_app = behind((config.page or PageTable()).proxies, app.wsgi_app)  # type: ignore[assignment]  # a method

    @app.before_request
    def refuse_foreign_names() -> tuple[str, int] | None:
        if is_allowed(request.host, names):
            return None
        where = "open the page by its address or as NODE.local, or list the name in page.names of node.toml"
        return f"This name does not belong to the node; {where}.\n", 421

    @app.errorhandler(HTTPException)
    def in_words(error: HTTPException) -> tuple[str | dict[str, str], int]:
        if is_for_scripts():
            return {"error": error.description or error.name}, error.code or 500
        return render_template("plain.html", words=_error_words(error)), error.code or 500

    @app.errorhandler(FieldeyeError)
    def own_error(error: FieldeyeError) -> tuple[str | dict[str, str], int]:
        if is_for_scripts():
            return {"error": str(error)}, 503
        if request.method in SAFE:
            words = gettext("The node cannot read what it has stored. Show this page to your technician.")
        else:
            words = gettext("This was not noted: the node cannot store it. Show this page to your technician.")
        return render_template("plain.html", words=words, detail=str(error)), 503

    app.after_request(protect)


def _error_words(error: HTTPException) -> str:
    if error.code is not None and error.code >= 500:
        return gettext("The page has a fault; the node works on. Show this page to your technician.")
    if error.code == 413:
        return gettext("This is too large to be sent to the node.")
    if error.code in (400, 404) and error.description != type(error).description:  # in our words
        return error.description or ""
    return gettext("There is no such page here.")


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
