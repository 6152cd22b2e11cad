"""For machines: the node's state, days and records, read-only."""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from edge import __version__
from edge.board import read_board
from edge.exports.columns import Cell
from edge.exports.csv_table import csv_lines
from edge.page.access import needs
from edge.page.api.openapi import document
from edge.page.api.schema import (
    CSV_COLUMNS,
    Board,
    Camera,
    Count,
    DayCounts,
    Days,
    Health,
    Query,
    Records,
    Refusal,
    State,
)
from edge.page.glance import glance
from edge.page.node import node
from edge.page.now.days import Day, Effort, labels_of
from edge.page.now.situation import looks, up_s
from edge.page.trust import Role, visitor
from edge.wire import Decoded, plain

api = Blueprint("api", __name__, url_prefix="/api/v1")


@api.get("/state")
@needs(Role.READER)
def state() -> Response:
    """What the node is doing now."""
    this = node()
    snapshot, waiting, now = this.board.snapshot(), this.store.waiting(), this.clock.now()
    camera, model = snapshot.camera, snapshot.model
    return answer(
        State(
            site=this.config.node.site,
            node=this.config.node.node,
            version=__version__,
            now_utc=now.utc,
            clock=now.state.value,
            problem=snapshot.problem,
            camera=Camera(
                state=camera.state,
                frames=camera.frames,
                looked=camera.looked,
                skipped=dict(camera.skipped),
                dropped=camera.dropped,
                last_frame_utc=camera.last_frame.utc if camera.last_frame else None,
            ),
            model=f"{model.name}@{model.version}" if model.name else "",
            link=snapshot.link.state,
            acknowledged=snapshot.link.acknowledged,
            waiting=waiting.records,
            oldest_waiting_utc=waiting.oldest_utc,
        )
    )


@api.get("/health")
@needs(Role.READER)
def how_it_is() -> Response:
    """How the node is, part by part."""
    this = node()
    snapshot, now = this.board.snapshot(), this.clock.now()
    board, battery = read_board(this.folder), snapshot.battery
    return answer(
        Health(
            now_utc=now.utc,
            clock=now.state.value,
            uptime_s=round(up_s(snapshot, now), 1),
            looking=looks(snapshot),
            problem=snapshot.problem,
            notice=snapshot.notice,
            model_problem=snapshot.model.detail,
            store_problem=snapshot.store,
            link_problem=snapshot.link.detail,
            last_delivery_utc=snapshot.link.last_ack.utc if snapshot.link.last_ack else None,
            ms_per_frame=snapshot.camera.ms_per_frame,
            store=this.store.health(),
            battery_v=None if battery is None else round(battery.voltage_v, 2),
            battery_share=None if battery is None else battery.share,
            battery_problem=snapshot.no_battery,
            board=Board(
                cpu_temperature_c=board.temperature_c,
                throttled=board.is_throttled,
                disk_free_mb=board.disk_free_mb,
                memory_mb=board.memory_mb,
            ),
        )
    )


@api.get("/days")
@needs(Role.READER)
def fortnight() -> Response:
    """The last fourteen days."""
    here, time_zone = glance(), node().config.node.time_zone
    labels = labels_of(here.fortnight)
    return answer(Days(time_zone=time_zone, days=[_counts(day, here.unit, labels) for day in here.fortnight]))


@api.get("/days.csv")
@needs(Role.READER)
def fortnight_csv() -> Response:
    """The same as a table: a row a day and taxon; without data the count is empty, and a real zero is a 0.

    A day that was counted in another way, or by a model that cannot tell the taxon, has no frames of it either.
    """
    here = glance()
    days, labels = here.fortnight, labels_of(here.fortnight)
    rows = (row for day in days for row in _csv_rows(day, here.unit or "", labels))
    response = Response(csv_lines([CSV_COLUMNS, *rows]), mimetype="text/csv")
    name = f"{node().config.node.node}-{days[-1].day}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@api.get("/records")
@needs(Role.READER)
def records() -> tuple[Response, int]:
    """Records that are still kept, by their seq."""
    this = node()
    try:
        query = msgspec.convert(request.args.to_dict(), Query, strict=False)
    except msgspec.ValidationError as why:
        return answer(Refusal(error=f"{why}; ask as in /api/v1/openapi.json")), 400
    last = this.store.health().last_seq or 0
    after = query.after if query.after <= last else 0  # of a store before this one: its reader would see nothing more
    upto = min(after + query.limit, last)
    found = [Decoded(one.key, one.record) for one in this.store.records_between_seq(after + 1, upto)]
    listed = [plain(one, this.config.node.site) for one in found]
    told = Records(records=listed, next_after=upto, last_seq=last)
    return answer(told if visitor().name else _without_epochs(told)), 200


@api.get("/openapi.json")
@needs(Role.READER)
def openapi() -> Response:
    """This document."""
    return answer(document())


def answer(body: object) -> Response:
    """JSON."""
    return Response(msgspec.json.encode(body), mimetype="application/json")


def _without_epochs(told: Records) -> dict[str, Any]:
    """A card's epoch is half of a record's key: whoever knows it could send records in this node's name."""
    table: dict[str, Any] = msgspec.to_builtins(told)
    for record in table["records"]:
        del record["epoch"]
    return table


def _counts(day: Day, unit: str | None, labels: Sequence[str]) -> DayCounts:
    frames, watched_s = _effort(day)
    listed = [
        Count(label=k, count=f.count, low=f.low, high=f.high, nights=_nights(day.effort(k), unit))
        for k, f in sorted(day.figures.items())
    ]
    return DayCounts(
        day=day.day,
        unit=unit,
        frames=frames,
        awake_s=watched_s,
        saturated=day.saturated,
        counts=listed if day.frames else None,
        nights=_nights(day.effort(""), unit),
        not_told=[label for label in labels if day.frames and day.is_other(label)],
    )


def _csv_rows(day: Day, unit: str, labels: Sequence[str]) -> list[tuple[Cell, ...]]:
    date = day.day.isoformat()
    if not day.frames:
        return [(date, None, unit, None, None, None, *_effort(day), None)]
    zero = (date, None, unit, 0, 0, 0, *_effort(day), _nights(day.effort(""), unit))
    rows: list[tuple[Cell, ...]] = [] if day.figures else [zero]
    for label, figure in sorted(day.figures.items()):
        effort = day.effort(label)
        counted = (figure.count, figure.low, figure.high)
        rows.append((date, label, unit, *counted, effort.frames, effort.watched_s, _nights(effort, unit)))
    return rows + [(date, label, unit, *[None] * 6) for label in labels if day.is_other(label)]


def _nights(effort: Effort, unit: str | None) -> int | None:
    """In which a trap's counts came; unknown of what is no trap, and where nobody looked."""
    return effort.nights if effort.frames and unit == "new" else None


def _effort(day: Day) -> tuple[int | None, float | None]:
    """Frames and seconds; unknown in this unit where all was counted in another one."""
    return (None, None) if day.is_watched and not day.frames else (day.frames, day.watched_s)
