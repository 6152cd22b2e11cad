"""The station's own action levels on the page: a list, one to add, one to delete. Kept as the other settings are."""

from threading import Lock

import msgspec
from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from edge.changes import keep, over, read
from edge.page.access import needs
from edge.page.node import node
from edge.page.set_up.routes import done
from edge.page.settings.own_levels import FIELDS, Row, level_words, packaged_of, reach_of, shown, with_one_more, without
from edge.page.settings.routes import begun_again, hindrance
from edge.page.trust import Role, trust
from edge.page.words import gettext

level_form = Blueprint("levels", __name__, url_prefix="/levels")
_one_at_a_time = Lock()  # who reads before another one has written would write over it


@level_form.get("")
@needs(Role.TECHNICIAN)
def levels() -> str:
    """What holds now, also what was kept a moment ago and begins with the node."""
    return _page(why=hindrance())


@level_form.post("")
@needs(Role.TECHNICIAN)
def add() -> ResponseReturnValue:
    """In place of the one of the same pest and unit."""
    with _one_at_a_time:
        rows, wrong = with_one_more(_rows(), request.form, reach_of(node()))
        why = hindrance()
        if rows is None or why:
            return _page(wrong, why), 400
        _keep(rows)
    added = rows[-1]
    trust().note(f"level {added['label']} | {added['act_at']:g} | {added['unit']} | {added['source']}")
    return begun_again()


@level_form.post("/delete")
@needs(Role.TECHNICIAN)
def delete() -> ResponseReturnValue:
    """A second tap finds none."""
    label, unit = request.form.get("label", ""), request.form.get("unit", "")
    with _one_at_a_time:
        rows, why = _rows(), hindrance()
        if why:
            return _page(why=why), 400
        gone = next((row for row in rows if (row["label"], row["unit"]) == (label, unit)), None)
        if gone is None:
            return redirect("/levels", 303)
        _keep(without(rows, label, unit))
    trust().note(f"level-deleted {label} | {gone['act_at']:g} | {unit}")
    return begun_again()


@level_form.post("/none")
@needs(Role.TECHNICIAN)
def none() -> ResponseReturnValue:
    """This node is to count and warn nobody: the step of this visit is done."""
    return done("levels")


def _rows() -> list[Row]:
    this = node()
    table = over(msgspec.to_builtins(this.config), {} if hindrance() else read(this.folder))
    return list(table["advice"]["threshold"])


def _keep(rows: list[Row]) -> None:
    keep(node().folder, node().config, {"advice": {"threshold": rows}})


def _page(wrong: dict[str, str] | None = None, why: str = "") -> str:
    reach, sent, rows = reach_of(node()), request.form if wrong else {}, _rows()
    own, hint = shown(rows, reach), why
    if wrong:
        hint = hint or gettext("Nothing was changed: look at the fields that are marked.")
    packaged = packaged_of(rows, reach)
    pests, units = [("", "–"), *reach.pests()], reach.units()
    label, unit = sent.get("label", ""), sent.get("unit", units[0][0])
    return render_template(
        "levels.html",
        hint=hint,
        own=own,
        packaged=[(level_words(row.scientific_name, row.low, row.unit), row.source) for row in packaged],
        is_reached=bool(packaged) or any(one.is_reached for one in own),
        is_known=bool(reach.labels),
        pests=[(key, words, key == label) for key, words in pests],
        units=[(key, words, key == unit) for key, words in units],
        typed={key: sent.get(key, "") for key in FIELDS},
        wrong=wrong or {},
    )
