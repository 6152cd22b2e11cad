"""Who comes to the desk in tests, and the three nodes that they see there."""

import re

from flask.testing import FlaskClient

from edge.platform.database import Database
from edge.platform.decode import Message
from edge.platform.desk.people import add_person
from edge.platform.intake.questions import Question, questions
from edge.wire import ImageHeader, image_properties
from tests.platform.fleet import Fleet
from tests.records import MOTH, count

PASSWORD = "a long password"  # noqa: S105

JPEG = b"\xff\xd8 a picture in three parts \xff\xd9"


def three_nodes(database: Database) -> Fleet:
    """Nodes a and b in a township, c in the next one, with a question each."""
    fleet = Fleet(database)
    for n, node in enumerate("abc"):
        fleet.place(node, latitude_deg=30.0 + n / 50, longitude_deg=120.0 + n / 70)
        fleet.counts(node, 0, count(MOTH, n + 1, n, n + 4))
        ask(fleet, node)
    fleet.sum_up()
    add_person(database, "town", PASSWORD, "330106011")
    add_person(database, "county", PASSWORD, "330106")
    return fleet


def ask(fleet: Fleet, node: str, *, question: str = "00000000-q1", jpeg: bytes = JPEG) -> None:
    for first in (20, 0, 10):  # parts overtake each other
        end = len(jpeg) if first == 20 else first + 12
        header = ImageHeader(kind="question", id=question, bytes=len(jpeg), offset=first)
        if first == 0:
            header = ImageHeader(
                kind="question", id=question, bytes=len(jpeg), who="Li", note=f"what is this at {node}?"
            )
        part = jpeg[first:end]
        told = Message(f"fieldeye/v1/s/{node}/image", part, properties=image_properties(header))
        fleet.registry.note([told, told])


def log_in(client: FlaskClient, name: str = "town", password: str = PASSWORD) -> int:
    return client.post("/log-in", data={"name": name, "password": password}).status_code


def first_asked(database: Database, node: str) -> Question:
    """The first of its questions on the page."""
    return next(one for one in questions(database) if one.node == node)


def token(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["token"])


def begins_at(page: str) -> str:
    """The name of the field that has the focus, is marked as wrong and described by the alert."""
    (field,) = re.findall("<(?:input|textarea) [^>]*autofocus[^>]*>", page)
    told = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
    assert told["aria-invalid"] == "true"
    assert f'<p role="alert" id="{told["aria-describedby"]}"' in page
    return told["name"]
