"""What a person far away needs to help with this node, as a file for the technician's phone."""

import os

import msgspec
from flask import Blueprint, Response

from edge.page.access import needs
from edge.page.api.metrics import written
from edge.page.api.v1 import how_it_is
from edge.page.node import node
from edge.page.trust import Role, trust
from edge.support import about, as_json, figures_of, journal, known_secrets, pack

help_ = Blueprint("help", __name__)


@help_.get("/support.zip")
@needs(Role.TECHNICIAN)
def support() -> Response:
    """The parts that `fieldeye support-bundle` has, as far as the service may read them; without any secret."""
    this = node()
    snapshot = this.board.snapshot()
    parts = {
        "about.json": about(this.clock.now(), snapshot.problem or snapshot.notice),
        "config.json": as_json(msgspec.to_builtins(this.config)),
        "store.json": figures_of(this.store),
        "health.json": how_it_is().get_data(as_text=True),
        "metrics.txt": written(this).decode(),
        "log.txt": journal(),
    }
    content = pack(parts, known_secrets(this.config, os.environ, []))
    trust().note("support")
    response = Response(content, mimetype="application/zip")
    name = f"fieldeye-support-{this.config.node.node}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
