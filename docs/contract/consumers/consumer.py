"""What nodes count, as JSON lines; the last of a key holds: python consumer.py HOST PORT. Needs paho-mqtt and cbor2."""

import json
import sys
from uuid import UUID

import cbor2
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

MALFORMED = (cbor2.CBORError, AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
UNITS = ("max_per_frame", "visits", "new", "affected_frames")
seen = {}  # key -> revision; keep it in a database: a node may send a record again at any time


def told(batch, node):  # sightings (0) and intervals (1); kinds that this program does not know are passed over
    stages = dict(batch.get(10, ()))  # place in the table of taxa -> life stage; one name may stand there once for each
    taxa = [[taxon[0], stages.get(place)] for place, taxon in enumerate(batch.get(7, ()))]  # none: nothing seen
    for record in (one for one in batch[9] if one[0] <= 1):
        key = (node, str(UUID(bytes=batch[1])), batch[3] + record[1])
        out = dict(zip(("node", "epoch", "seq"), key, strict=True), utc_ms=batch[2] + record[2][0])
        if record[0] == 0:
            label, stage = taxa[record[5]]
            yield key, 0, out | {"kind": "sighting", "label": label, "stage": stage, "count": record[8]}
        elif record[0] == 1:
            counts = record.get(11)  # missing: no data, which is not a zero; empty: looked, and saw none
            out["counts"] = None if counts is None else [[*taxa[place], *numbers] for place, *numbers in counts]
            out |= {"kind": "interval", "revision": record.get(18, 0), "unit": UNITS[record[7]], "frames": record[8]}
            yield key, out["revision"], out | {"no_data": batch[8][record[12]] if 12 in record else None}


def on_message(_client, _data, message):
    try:
        batch = cbor2.loads(message.payload) if len(message.payload) <= 65536 else {}  # more than the contract allows
        for key, revision, out in list(told(batch, message.topic.split("/")[3])) if batch.get(0) == 1 else ():
            if seen.get(key, -1) < revision:  # a corrected interval is told once more under its key
                print(json.dumps(out, ensure_ascii=False), flush=True)
                seen[key] = revision
    except MALFORMED as why:  # the next message counts all the same
        print(f"{message.topic}: passed over a message that is no batch ({why!r})", file=sys.stderr, flush=True)


client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
client.on_connect = lambda *_: client.subscribe("fieldeye/v1/+/+/records", qos=1)
client.on_message = on_message
client.connect(sys.argv[1], int(sys.argv[2]))
client.loop_forever()
