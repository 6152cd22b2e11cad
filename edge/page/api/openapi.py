"""The OpenAPI document of what the page tells machines, made of the types that are encoded."""

from typing import Any

import msgspec

from edge import __version__
from edge.page.api.schema import CSV_COLUMNS, Days, Health, Query, Records, Refusal, State

ABOUT = """What one node has seen and how it is, for reading only. Times are UTC and end in _utc, units stand in the
names. A day that nobody looked at has no counts, which is not a zero."""
TABLE = {"text/csv": {"schema": {"type": "string"}}}
LOOKING = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of the addresses under /api/v1, and of /healthz and /metrics beside them."""
    types: dict[str, type] = {"state": State, "health": Health, "days": Days, "records": Records}
    (*schemas, refusal), components = msgspec.json.schema_components(
        [*types.values(), Refusal], ref_template="#/components/schemas/{name}"
    )
    for component in components.values():
        if "epoch" in component.get("required", []):  # told to who has logged in
            component["required"].remove("epoch")
    paths = {
        f"/api/v1/{name}": {"get": _operation(name, answered.__doc__ or "", _json("As asked", schema))}
        for (name, answered), schema in zip(types.items(), schemas, strict=True)
    }
    records = paths["/api/v1/records"]["get"]
    records["parameters"] = _parameters()
    records["responses"]["400"] = _json("The question is not one of those above.", refusal)
    paths["/api/v1/days.csv"] = {
        "get": _operation("days_csv", "The same as a table", {"description": ", ".join(CSV_COLUMNS), "content": TABLE})
    }
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "paths": paths | _beside_the_api(),
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _info() -> dict[str, Any]:
    licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    return {"title": "Fieldeye node", "version": __version__, "license": licence, "description": ABOUT}


def _beside_the_api() -> dict[str, Any]:
    """Addresses where other programs look for them."""
    health = _operation("healthz", "Is the node looking?", _json("Yes", LOOKING))
    health["responses"]["503"] = _json("No", LOOKING)
    text = {"text/plain": {"schema": {"type": "string"}}}
    metrics = _operation("metrics", "For Prometheus", {"description": "Text format 0.0.4", "content": text})
    metrics["security"] = [{"token": []}, {}]
    metrics["responses"]["401"] = {"description": "From another machine it takes page.metrics_token_file's token."}
    return {"/healthz": {"get": health}, "/metrics": {"get": metrics}}


def _operation(name: str, summary: str, answered: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary.partition("\n")[0], "responses": {"200": answered}}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameters() -> list[dict[str, Any]]:
    properties = msgspec.json.schema(Query)["$defs"]["Query"]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]
