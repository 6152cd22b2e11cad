"""What a node says of itself before it runs: the part of `info` that stands in its configuration and its store."""

import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from edge import __version__
from edge.config import NodeConfig
from edge.label_sets import LabelSets, names_of
from edge.nights import longest_s
from edge.updates.slots import slot_number
from edge.wire import Info, ModelInfo

MOST_LABELS = 200  # of all models in `info`: with 80 letters each, in any script, they fit into one message


def introduction(config: NodeConfig, epoch: UUID, models: Sequence[ModelInfo]) -> Info:
    """Software, place and interval, beside `models`; of its camera only the node that runs knows."""
    return Info(
        software="fieldeye",
        version=__version__,
        software_number=slot_number(Path(sys.prefix)),  # of what runs, also while the link names what starts next
        epoch=str(epoch),
        models=list(models),
        latitude_deg=config.node.latitude,
        longitude_deg=config.node.longitude,
        area_code=config.node.area_code,
        crop=config.node.crop,
        time_zone=config.node.time_zone,
        interval_s=longest_s(config.store.interval_s, config.camera.mode),
    )


def former_models(label_sets: LabelSets, most_labels: int = MOST_LABELS) -> list[ModelInfo]:
    """What models that ran can tell, the newest first, as far as so many labels go: their intervals still come."""
    told: list[ModelInfo] = []
    for model, labels in reversed(list(label_sets.items())):
        names, (name, _, version) = names_of(sorted(labels)), model.rpartition("@")
        if len(names) <= most_labels:
            told.append(ModelInfo(name=name, version=version, sha256="", labels=names))
            most_labels -= len(names)
    return told
