"""The birth message of a node that runs, `info`: its introduction, with its models and its camera."""

import logging

import msgspec

from edge.calibration import EVERYTHING, Calibration
from edge.config import CameraTable, NodeConfig
from edge.counts import CAMERA
from edge.errors import StoreDamagedError, StoreError
from edge.introduction import MOST_LABELS, former_models, introduction
from edge.label_sets import load
from edge.status import ModelStatus, Snapshot
from edge.store import Store
from edge.wire import CalibrationInfo, CameraInfo, Info, ModelInfo

log = logging.getLogger(__name__)


def info(config: NodeConfig, store: Store, snapshot: Snapshot) -> Info:
    """What this node is. After the model that runs stand those whose intervals wait."""
    model = snapshot.model
    runs = [model_info(model)] if model.name else []
    name = f"{model.name}@{model.version}"
    try:
        waiting = {one: labels for one, labels in load(store).items() if one != name and store.is_awaited(one)}
    except StoreDamagedError:
        raise
    except StoreError as why:  # `info` is told again when it differs
        log.warning("former_models_not_told", extra={"why": str(why)})
        waiting = {}
    models = runs + former_models(waiting, MOST_LABELS - sum(len(one.labels) for one in runs))
    told = introduction(config, store.epoch, models)
    return msgspec.structs.replace(told, cameras=[camera_info(config.camera, snapshot.calibration)])


def model_info(model: ModelStatus) -> ModelInfo:
    """As `info` tells it; of a model that can tell very many labels without them, which is not known then."""
    labels = list(model.labels) if len(model.labels) <= MOST_LABELS else []
    return ModelInfo(name=model.name, version=model.version, sha256=model.sha256, labels=labels)


def camera_info(camera: CameraTable, known: Calibration | None) -> CameraInfo:
    """Where it was calibrated, with what is known of it then."""
    if known is None:
        return CameraInfo(name=CAMERA, kind=camera.kind, mode=camera.mode)
    region = [] if known.region == EVERYTHING else list(known.region.corners)
    told = CalibrationInfo(at=known.at, who=known.who, area_mm2=known.area_mm2, error_px=known.error_px, region=region)
    return CameraInfo(name=CAMERA, kind=camera.kind, mode=camera.mode, mm_per_px=known.mm_per_px, calibration=told)
