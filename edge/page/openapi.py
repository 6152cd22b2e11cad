"""The OpenAPI document of the page's API, made of the types that are encoded."""

from typing import Any

import msgspec

from edge import __version__
from edge.page.answers import CSV_COLUMNS, Days, Query, Records, Refusal, State


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
