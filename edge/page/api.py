"""For machines: the node's state, days and records, read-only, with an OpenAPI document made of the same types."""

import csv
import io
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta, Struct

from edge import __version__
from edge.counts import Interval
from edge.page.days import Day
from edge.page.routes import node
from edge.wire import Decoded, PlainRecord, plain

api = Blueprint("api", __name__, url_prefix="/api/v1")
CSV_COLUMNS = ("day", "label", "unit", "count", "low", "high", "frames", "awake_s")


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked of `records`."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0  # seq; records with a greater one
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class Camera(Struct, frozen=True, kw_only=True):
    """The camera and the gate, since the start."""

    state: str
    frames: int
    looked: int
    skipped: dict[str, int]
    dropped: int
    last_frame_utc: datetime | None


class State(Struct, frozen=True, kw_only=True):
    """What the node is doing now."""

    site: str
    node: str
    version: str
    now_utc: datetime
    clock: str
    problem: str  # what keeps the node from looking, empty if nothing does
    camera: Camera
    model: str  # name@version, empty before it is loaded
    link: str
    acknowledged: int
    waiting: int
    oldest_waiting_utc: datetime | None


class Count(Struct, frozen=True, kw_only=True):
    """Of one taxon on one day; the range is null where the model was never measured on it."""

    label: str
    count: int
    low: int | None
    high: int | None


class DayCounts(Struct, frozen=True, kw_only=True):
    """One day where the node stands. `counts` null: nobody looked, which is not a zero; a taxon not listed: zero."""

    day: date
    unit: str | None
    frames: int
    awake_s: float
    saturated: bool
    counts: list[Count] | None


class Days(Struct, frozen=True, kw_only=True):
    """The last fourteen days, oldest first."""

    time_zone: str
    days: list[DayCounts]


class Records(Struct, frozen=True, kw_only=True):
    """Records as on the wire; some seq may be gone. Ask again with `after` = `next_after` until that is `last_seq`."""

    records: list[PlainRecord]
    next_after: int
    last_seq: int  # of the newest record that was ever committed


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a question was not answered."""

    error: str


@api.get("/state")
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


@api.get("/days")
def fortnight() -> Response:
    """The last fourteen days."""
    this = node()
    days, intervals = this.days()
    unit = intervals[-1].unit if intervals else None
    return answer(Days(time_zone=this.config.node.time_zone, days=[_counts(day, unit) for day in days]))


@api.get("/days.csv")
def fortnight_csv() -> Response:
    """The same as a table: a row a day and taxon; without data the count is empty, and a real zero is a 0."""
    days, intervals = node().days()
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    for day in days:
        table.writerows(_csv_rows(day, intervals))
    response = Response(text.getvalue(), mimetype="text/csv")
    name = f"{node().config.node.node}-{days[-1].day}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@api.get("/records")
def records() -> tuple[Response, int]:
    """Records that are still kept, by their seq."""
    this = node()
    try:
        query = msgspec.convert(request.args.to_dict(), Query, strict=False)
    except msgspec.ValidationError as why:
        return answer(Refusal(error=f"{why}; ask as in /api/v1/openapi.json")), 400
    last = this.store.health().last_seq or 0
    upto = min(query.after + query.limit, last)
    found = [Decoded(one.key, one.record) for one in this.store.records_between_seq(query.after + 1, upto)]
    listed = [plain(one, this.config.node.site) for one in found]
    return answer(Records(records=listed, next_after=upto, last_seq=last)), 200


@api.get("/openapi.json")
def openapi() -> Response:
    """This document."""
    return answer(document())


def answer(body: object) -> Response:
    """JSON."""
    return Response(msgspec.json.encode(body), mimetype="application/json")


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of everything above."""
    types: dict[str, type] = {"state": State, "days": Days, "records": Records}
    (*schemas, refusal), components = msgspec.json.schema_components(
        [*types.values(), Refusal], ref_template="#/components/schemas/{name}"
    )
    paths = {
        f"/api/v1/{name}": {"get": _operation(name, answered.__doc__ or "", schema)}
        for (name, answered), schema in zip(types.items(), schemas, strict=True)
    }
    paths["/api/v1/records"]["get"] |= {"parameters": _parameters()}
    paths["/api/v1/records"]["get"]["responses"]["400"] = _json("The question is not one of those above.", refusal)
    paths["/api/v1/days.csv"] = {
        "get": {
            "operationId": "days_csv",
            "summary": "The last fourteen days as a table",
            "responses": {"200": {"description": ", ".join(CSV_COLUMNS), "content": {"text/csv": {}}}},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fieldeye node", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(name: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary.partition("\n")[0], "responses": {"200": _json("As asked", schema)}}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameters() -> list[dict[str, Any]]:
    properties = msgspec.json.schema(Query)["$defs"]["Query"]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]


def _counts(day: Day, unit: str | None) -> DayCounts:
    listed = [Count(label=k, count=f.count, low=f.low, high=f.high) for k, f in sorted(day.figures.items())]
    return DayCounts(
        day=day.day,
        unit=unit,
        frames=day.frames,
        awake_s=day.awake_s,
        saturated=day.saturated,
        counts=listed if day.frames else None,
    )


def _csv_rows(day: Day, intervals: list[Interval]) -> list[tuple[object, ...]]:
    unit = intervals[-1].unit if intervals else ""
    effort = (day.frames, day.awake_s)
    if not day.frames:
        return [(day.day, "", unit, "", "", "", *effort)]
    if not day.figures:
        return [(day.day, "", unit, 0, 0, 0, *effort)]
    return [(day.day, _cell(k), unit, f.count, f.low, f.high, *effort) for k, f in sorted(day.figures.items())]


def _cell(text: str) -> str:
    """A spreadsheet takes what begins with one of these for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
