"""What a node says of itself before it runs: the part of `info` that stands in its configuration and its store."""

from uuid import UUID

from edge import __version__
from edge.config import NodeConfig
from edge.nights import longest_s
from edge.wire import Info


def introduction(config: NodeConfig, epoch: UUID) -> Info:
    """Software, place and interval; of model and camera only the node that runs knows."""
    return Info(
        software="fieldeye",
        version=__version__,
        epoch=str(epoch),
        latitude_deg=config.node.latitude,
        longitude_deg=config.node.longitude,
        area_code=config.node.area_code,
        crop=config.node.crop,
        time_zone=config.node.time_zone,
        interval_s=longest_s(config.store.interval_s, config.camera.mode),
    )
