"""Logging in and out, the first claim with the code on the label, and who else may do what."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from threading import Lock
from unicodedata import category

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.errors import StoreError
from edge.page.access import needs, not_set_up
from edge.page.accounts.attempts import browsers_of, count_failure, wait_s
from edge.page.accounts.audit import shown_trail
from edge.page.accounts.passwords import LONGEST, SHORTEST, hashed, is_claim_code, is_right, proposed
from edge.page.health import shut_out_words
from edge.page.node import node
from edge.page.trust import Role, is_known_browser, trust, visitor
from edge.page.words import duration, gettext, number
from edge.store import Account

people = Blueprint("people", __name__)
LONGEST_NAME = 40
UNSEEN = {"Cc", "Cf", "Cs"}  # Unicode's categories: control, format, surrogate
JOINERS = "\u200c\u200d"  # unseen, and part of how Hindi and others write a word
_one_attempt = Lock()  # so that attempts sent together are counted one after the other


@people.get("/log-in")
@needs(Role.NOBODY)
def log_in() -> ResponseReturnValue:
    """The form; an unclaimed node has nobody to log in. Who came from the first page is a farmer."""
    if not trust().accounts.is_claimed():
        return not_set_up(Role.FARMER if request.args.get("next") == "/" else Role.TECHNICIAN)
    if trust().accounts.unusable:
        return _shut_out()
    place, is_unsent = _place(request.args.get("next", "/")), "unsent" in request.args
    return render_template("log_in.html", next=place, name="", wrong="", unsent=is_unsent)


@people.post("/log-in")
@needs(Role.NOBODY)
def try_log_in() -> ResponseReturnValue:
    """The same answer whether the name or the password was wrong."""
    if trust().accounts.unusable:
        return _shut_out()
    name, password = as_name(_field("name")), request.form.get("password", "")
    found = trust().accounts.account(name)
    wrong = _attempted("log-in", lambda: is_right(password, found.hash if found else None), found)
    if wrong or found is None:  # to nobody belongs no password
        return render_template("log_in.html", next=_place(_field("next")), name=name, wrong=wrong), 400
    trust().log_in(found)
    trust().note("log-in")
    return redirect(_place(_field("next")), 303)


@people.post("/log-out")
@needs(Role.NOBODY)
def log_out() -> ResponseReturnValue:
    """Ends this phone's session on the node, not only its cookie."""
    trust().log_out()
    return redirect("/", 303)


@people.get("/claim")
@needs(Role.NOBODY)
def claim() -> ResponseReturnValue:
    """Who has the label becomes the technician."""
    if trust().accounts.is_claimed():
        return redirect("/log-in", 303)
    return _claim_form({}, name=gettext("technician"))


@people.post("/claim")
@needs(Role.NOBODY)
def try_claim() -> ResponseReturnValue:
    """The code works once."""
    if trust().accounts.is_claimed():
        return redirect("/log-in", 303)
    name, password = as_name(_field("name")), request.form.get("password", "")
    wrong = {"name": wrong_name(name), "password": wrong_password(password)}
    code = trust().claim_code
    if not any(wrong.values()):
        wrong["code"] = _attempted("claim", lambda: code is not None and is_claim_code(_field("code"), code.reveal()))
    if any(wrong.values()):
        return _claim_form(wrong, name=name), 400
    first = Account(name=name, role="technician", hash=hashed(password))
    try:
        trust().accounts.claim(first, trust().now_utc())
    except StoreError:
        return redirect("/log-in", 303)
    trust().log_in(first)
    trust().note("claim")
    return redirect("/set-up", 303)


@people.get("/account")
@needs(Role.READER)
def account() -> ResponseReturnValue:
    """Who I am on this node."""
    if not visitor().name:
        return redirect("/log-in", 303)
    return _account_form({})


@people.post("/account")
@needs(Role.READER)
def change_password() -> ResponseReturnValue:
    """All phones of this name have to log in again, and this one is."""
    known = trust().accounts.account(visitor().name)
    if known is None:
        return redirect("/log-in", 303)
    old, new = request.form.get("old", ""), request.form.get("password", "")
    wrong = {"password": wrong_password(new), "old": _attempted("password", lambda: is_right(old, known.hash), known)}
    if any(wrong.values()):
        return _account_form(wrong), 400
    changed = replace(known, hash=hashed(new))
    if not trust().accounts.change_hash(known, changed.hash):
        return redirect("/log-in", 303)
    trust().log_in(changed)
    trust().note("password")
    return render_template("plain.html", words=gettext("The new password holds. Other phones have to log in again."))


@people.get("/audit")
@needs(Role.TECHNICIAN)
def audit() -> ResponseReturnValue:
    """Who changed what, newest first."""
    return render_template("audit.html", entries=shown_trail(node().store.audit_trail(), node().moments()))


@people.get("/people")
@needs(Role.TECHNICIAN)
def everybody() -> ResponseReturnValue:
    """Who may do what."""
    return _people_page({})


@people.post("/people")
@needs(Role.TECHNICIAN)
def add_person() -> ResponseReturnValue:
    """With a password that is shown once; or a new one for a name that is known."""
    name, role = as_name(_field("name")), _field("role")
    known = trust().accounts.account(name)
    wrong = {"name": wrong_name(name)}
    if role not in _role_words():
        wrong["role"] = gettext("Choose one of these.")
    elif known is not None and known.name != _field("known"):
        wrong["name"] = gettext("There is somebody of this name.")
    if any(wrong.values()):
        return _people_page(wrong, name=name, role=role), 400
    password = proposed()
    changed = Account(name=name, role=role, hash=hashed(password))
    if not trust().accounts.put(changed, trust().now_utc(), keep_one="technician"):
        return _people_page({"role": _last_words()}, name=name, role=role), 400
    trust().note(f"person {name}: {role}")
    if name == visitor().name:
        trust().log_out()
    return _people_page({}, made=(name, password))


@people.post("/people/remove")
@needs(Role.TECHNICIAN)
def remove_person() -> ResponseReturnValue:
    """With their sessions, at once."""
    known = trust().accounts.account(_field("name"))
    if known is not None:
        if not trust().accounts.remove(known.name, keep_one="technician"):
            return _people_page({"remove": _last_words()}), 400
        trust().note(f"person {known.name}: removed")
    return redirect("/people", 303)


def as_name(typed: str) -> str:
    """A name as it is kept and looked up: with plain spaces, and without signs that nobody sees."""
    plain = (" " if sign.isspace() else sign for sign in typed)
    return "".join(sign for sign in plain if category(sign) not in UNSEEN or sign in JOINERS).strip(f" {JOINERS}")


def wrong_name(name: str) -> str:
    """Why it cannot be a name, or nothing."""
    if not name:
        return gettext("A name is missing.")
    if len(name) > LONGEST_NAME:
        return gettext("At most %(count)s letters.", count=number(LONGEST_NAME))
    return ""


def wrong_password(password: str) -> str:
    """Why it cannot be a password, or nothing."""
    if SHORTEST <= len(password) <= LONGEST:
        return ""
    return gettext("A password has %(least)s to %(most)s characters.", least=number(SHORTEST), most=number(LONGEST))


def _attempted(what: str, is_good: Callable[[], bool], account: Account | None = None) -> str:
    """Try a secret, of `account` if there is one: what to tell if it was not tried or is wrong, else nothing."""
    known, address = trust(), request.remote_addr or ""
    known_as = account.name if account is not None and is_known_browser(account) else ""
    with _one_attempt:
        wait = wait_s(known.accounts, address, known.now_utc(), known_as=known_as)
        if wait > 0:
            return gettext("Too many wrong attempts. Try again after %(time)s.", time=duration(ceil(wait)))
        if is_good():
            known.accounts.forgive(address)
            known.accounts.forgive(browsers_of(known_as))
            return ""
        if count_failure(known.accounts, address, known.now_utc(), known_as=known_as):
            known.note(what, "refused")
    words = {
        "log-in": gettext("Name and password do not belong together."),
        "claim": gettext("This is not the code on the label."),
        "password": gettext("This is not your password."),
    }
    return words[what]


def _shut_out() -> ResponseReturnValue:
    return render_template("plain.html", words=shut_out_words(), detail=trust().accounts.unusable), 503


def _claim_form(wrong: dict[str, str], *, name: str) -> Response:
    return _with_password("claim.html", wrong=wrong, name=name, has_code=trust().claim_code is not None)


def _account_form(wrong: dict[str, str]) -> Response:
    words = _role_words().get(visitor().role.name.lower(), "")
    return _with_password("account.html", wrong=wrong, name=visitor().name, role=words)


def _with_password(template: str, **words: object) -> Response:
    """A form with the password that was sent, which somebody may have written down, else with a proposal."""
    sent = request.form.get("password")
    hint = gettext("This is a proposed password. Write it down, or choose your own with at least 12 characters.")
    form = render_template(template, password=sent or proposed(), hint="" if sent else hint, **words)
    return Response(form, headers={"Cache-Control": "no-store"})


def _people_page(
    wrong: dict[str, str], *, name: str = "", role: str = "farmer", made: tuple[str, str] | None = None
) -> str:
    roles = _role_words()
    listed = [(one.name, one.role, roles.get(one.role, one.role)) for one in trust().accounts.everybody()]
    return render_template(
        "people.html",
        people=listed,
        roles=[(key, words, key == role) for key, words in roles.items()],
        wrong=wrong,
        name=name,
        made=made,
    )


def _role_words() -> dict[str, str]:
    return {
        "reader": gettext("reads"),
        "farmer": gettext("farmer: reads, says what was done, checks what was seen"),
        "technician": gettext("technician: may also set up and change"),
    }


def _last_words() -> str:
    return gettext("This is the only technician: make another one first.")


def _field(name: str) -> str:
    return request.form.get(name, "").strip()


def _place(wanted: str) -> str:
    """Where to go on: an address of this page and of no other host."""
    is_own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_own else "/"
