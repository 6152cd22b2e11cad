"""docs/contract is true: its examples, schemas and documents agree with the code, by validators that others wrote."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import cbor2
import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from edge.counts import STAGES, Alert, Interval, Lost, Record, Sighting
from edge.errors import WireError
from edge.mqtt.commands import VERBS
from edge.page.camera import reason_words
from edge.wire import CLOCKS, Info, Key, Stored, decode_batch, decode_message, encode_batch, encode_message, read_image
from edge.wire.alerts import LEVELS, TASKS
from edge.wire.compact import UNITS
from edge.wire.images import MAX_PART_BYTES
from tests.contract.golden import (
    BATCHES,
    COMMANDS,
    CONTRACT,
    EXAMPLES,
    IMAGES,
    MESSAGES,
    files,
    golden_bytes,
    long_form,
    payloads,
)
from tests.records import batches

ASYNCAPI_SCHEMA = json.loads((Path(__file__).parent / "asyncapi-3.0.0.schema.json").read_text())
DOCUMENT = yaml.safe_load((CONTRACT / "asyncapi.yaml").read_text())
KINDS = {"status": "Status", "status-will": "Status", "info": "Info", "health": "Health", "summary": "Summary",
         "cmd-replay": "ReplayCommand", "reply-replay": "Reply", "cmd-image": "ImageCommand", "reply-image": "Reply",
         "cmd-answer": "AnswerCommand", "reply-answer": "Reply", "cmd-seen": "SeenCommand", "reply-seen": "Reply",
         "cmd-update": "UpdateCommand", "reply-update": "Reply", "cmd-model": "UpdateCommand",
         "reply-model": "Reply"}  # fmt: skip


def schema(name: str) -> Any:
    return json.loads((CONTRACT / f"{name}.schema.json").read_text())


def check_record(told: object) -> None:
    jsonschema.Draft202012Validator(schema("records"), format_checker=jsonschema.FormatChecker()).validate(told)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_what_stands_in_the_contract_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == files()[path], "a change of the wire: if it is meant, python -m tests.contract.golden"


@pytest.mark.parametrize("name", BATCHES)
def test_golden_bytes_still_mean_what_they_meant(name: str) -> None:
    assert long_form("records", golden_bytes(name)) == json.loads((EXAMPLES / f"{name}.json").read_text())


@pytest.mark.parametrize("kind", [Sighting, Interval, Alert, Lost])
def test_what_a_record_may_carry_is_sent_and_stands_in_an_example(kind: type[Record]) -> None:
    batches = [decode_batch(golden_bytes(name), "n1") for name in BATCHES]
    came = [one.record for batch in batches for one in batch if isinstance(one.record, kind)]
    told = {one.name for one in fields(kind) if any(getattr(record, one.name) != one.default for record in came)}
    assert told == {one.name for one in fields(kind)}, "CONTRIBUTING.md, a field of a record"


@settings(max_examples=60)
@given(batches())
def test_the_long_form_of_any_batch_follows_the_schema(batch: list[Stored]) -> None:
    for told in long_form("records", encode_batch(batch)):
        check_record(told)


@pytest.mark.parametrize("name", BATCHES)
def test_golden_long_forms_follow_the_schema(name: str) -> None:
    for told in json.loads((EXAMPLES / f"{name}.json").read_text()):
        check_record(told)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("seq", 0),
        ("kind", "sight"),
        ("site", "a/b"),
        ("confidence", 1.2),
        ("count", -1),
        ("box", [0, 0, 1]),
        ("at", {}),
    ],
)
def test_the_schema_refuses_a_record_that_is_none(change: str, value: object) -> None:
    told = json.loads((EXAMPLES / "sightings.json").read_text())[0]
    with pytest.raises(jsonschema.ValidationError):
        check_record(told | {change: value})


@pytest.mark.parametrize("name", [*MESSAGES, *COMMANDS])
def test_messages_follow_the_schema(name: str) -> None:
    whole = schema("messages")
    told = json.loads(encode_message((MESSAGES | COMMANDS)[name]))
    jsonschema.Draft202012Validator({**whole, "$ref": f"#/$defs/{KINDS[name]}"}).validate(told)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.startswith("cmd-")])
@pytest.mark.parametrize("expires", ["2026-12-01", "20261201T000000Z", "2026-12-01T00:00:00"])
def test_a_time_that_a_node_refuses_follows_no_schema_of_a_command(name: str, expires: str) -> None:
    formats = jsonschema.FormatChecker(())
    formats.checks("date-time")(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)").fullmatch)
    whole = {**schema("messages"), "$ref": f"#/$defs/{KINDS[name]}"}
    validator = jsonschema.Draft202012Validator(whole, format_checker=formats)
    told = json.loads(encode_message(COMMANDS[name]))
    assert validator.is_valid(told)
    told |= {"expires": expires}
    assert not validator.is_valid(told)
    with pytest.raises(WireError, match="expires"):
        decode_message(json.dumps(told).encode(), type(COMMANDS[name]))


def test_each_verb_that_a_node_carries_out_has_an_example() -> None:
    assert {f"cmd-{verb}" for verb in VERBS} == {name for name in COMMANDS if name.startswith("cmd-")}


def test_of_a_node_of_before_what_its_model_can_tell_is_not_known() -> None:
    told = json.loads(encode_message(MESSAGES["info"]))
    del told["models"][0]["labels"]
    jsonschema.Draft202012Validator({**schema("messages"), "$ref": "#/$defs/Info"}).validate(told)
    assert decode_message(json.dumps(told).encode(), Info).models[0].labels == []


@pytest.mark.parametrize(("code", "is_one"), [("33", True), ("330106", True), ("33010", False), ("Hangzhou", False)])
def test_the_schema_says_what_an_area_code_is_and_a_platform_reads_on_without_one(code: str, *, is_one: bool) -> None:
    told = json.loads(encode_message(MESSAGES["info"])) | {"area_code": code}
    validator = jsonschema.Draft202012Validator({**schema("messages"), "$ref": "#/$defs/Info"})
    assert validator.is_valid(told) == is_one
    assert decode_message(json.dumps(told).encode(), Info).area_code == code


@pytest.mark.parametrize("words", [UNITS, CLOCKS, LEVELS, TASKS])
def test_a_number_stands_for_the_word_that_the_cddl_gives_it(words: tuple[str, ...]) -> None:
    assert ", ".join(f"{number} {word}" for number, word in enumerate(words)) in (CONTRACT / "records.cddl").read_text()


def test_a_compact_picture_is_named_as_the_contract_says() -> None:
    batch = cbor2.loads(golden_bytes("sightings"))
    record, told = batch[9][0], long_form("records", golden_bytes("sightings"))[0]
    assert told["picture"] == f"{batch[1].hex()[:8]}-{batch[3] + record[1] - record[9]}"


@pytest.mark.parametrize("name", IMAGES)
def test_the_header_of_a_picture_follows_the_schema_and_is_read_from_its_properties(name: str) -> None:
    whole, header = schema("messages"), IMAGES[name]
    properties = json.loads((EXAMPLES / f"{name}.json").read_text())
    jsonschema.Draft202012Validator({**whole, "$ref": "#/$defs/ImageHeader"}).validate(properties)
    assert read_image(tuple(properties.items()), bytes(min(header.bytes - header.offset, MAX_PART_BYTES))) == header


def test_of_each_list_of_words_in_a_schema_the_contract_says_that_it_is_whole() -> None:
    """A node that was told that words are only added found its status `sleeping` set aside."""
    (closed,) = re.findall(
        r"only\s+added; (where CBOR .*?), v1 has all of them", (CONTRACT / "contract.md").read_text(), re.S
    )
    listed = {name for one in ("records", "messages") for name in names_with_a_list(schema(one)["$defs"].values())}
    assert listed <= set(re.findall(r"`(\w+)`", closed))


def names_with_a_list(definitions: Iterable[Any]) -> Iterator[str]:
    for definition in definitions:
        for name, told in definition.get("properties", {}).items():
            if any(len(one.get("enum", ())) > 1 for one in (told, *told.get("anyOf", ()))):
                yield name


def test_the_contract_names_each_reason_for_which_a_frame_is_not_looked_at() -> None:
    (row,) = re.findall(r"^\| reasons \(`skipped`, `no_data`\) \|(.*)$", (CONTRACT / "contract.md").read_text(), re.M)
    assert set(re.findall(r"`([a-z_]+)`", row)) - {"no_data"} == {*reason_words(), "no_frame"}


def test_the_contract_names_each_life_stage_that_a_model_may_tell() -> None:
    (told,) = re.findall(r"^\| `stage` \| (.*?), where the model", (CONTRACT / "contract.md").read_text(), re.M)
    assert re.split(", | or ", told) == list(STAGES)


@pytest.mark.parametrize("part", ["camera", "store", "link"])
def test_the_contract_says_what_each_field_of_a_nodes_health_means(part: str) -> None:
    (row,) = re.findall(rf"^\| `{part}` \(`health`\) \|(.*)$", (CONTRACT / "contract.md").read_text(), re.M)
    fields = schema("messages")["$defs"][f"{part.title()}Health"]["properties"]
    assert set(fields) <= set(re.findall(r"`([a-z_]+)`", row))


def test_the_contract_names_each_field_of_health() -> None:
    named = set(re.findall(r"`([a-z_]+)`", (CONTRACT / "contract.md").read_text()))
    assert schema("messages")["$defs"]["Health"]["properties"].keys() <= named


def test_an_interval_of_the_examples_was_awake_while_frames_came_dark_ones_too() -> None:
    told = [one for name in BATCHES for one in json.loads((EXAMPLES / f"{name}.json").read_text())]
    intervals = [one for one in told if one["kind"] == "interval"]
    assert {one["seq"] for one in intervals if "no_data" in one} == {42, 43}
    assert all((one["awake_s"] > 0) == (one["frames"] + sum(one["skipped"].values()) > 0) for one in intervals)


def test_the_asyncapi_document_follows_asyncapi() -> None:
    jsonschema.Draft7Validator(ASYNCAPI_SCHEMA).validate(DOCUMENT)


def test_the_asyncapi_document_would_not_pass_with_a_mistake() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(ASYNCAPI_SCHEMA).validate(DOCUMENT | {"channels": {"status": {"adress": "x"}}})


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    found = list(references(DOCUMENT))
    assert len(found) > 10
    for reference in found:
        name, _, pointer = reference.partition("#")
        place = DOCUMENT if not name else json.loads((CONTRACT / name).read_text())
        for part in filter(None, pointer.split("/")):
            place = place[part]


def test_every_channel_of_the_asyncapi_document_has_a_golden_example() -> None:
    addresses = {channel["address"].split("/", 4)[4] for channel in DOCUMENT["channels"].values()}
    commands = {name.replace("-", "/") for name in COMMANDS}
    assert addresses == {channel for channel, _ in payloads().values()} | commands | {"image", "reply/doctor"}


def test_a_decoded_golden_record_has_the_key_that_the_topic_and_header_give() -> None:
    first = decode_batch(golden_bytes("losses"), "n1")[0]
    assert first.key == Key("n1", first.key.epoch, 41)


def references(part: object) -> Any:
    """Every $ref below."""
    if isinstance(part, dict):
        yield from ([part["$ref"]] if "$ref" in part else [])
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)
