"""What a Camtrap DP says of itself: the columns of its three tables, and datapackage.json."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from edge.exports.about import About, Place
from edge.exports.moments import to_the_second
from edge.taxa import LANGUAGES, taxon

VERSION = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies")
_ISO_639_3 = {"en": "eng", "zh": "zho", "es": "spa", "fr": "fra"}


def _columns(words: str) -> tuple[str, ...]:
    return tuple(words.split())


DEPLOYMENTS = _columns(
    "deploymentID locationID locationName latitude longitude coordinateUncertainty deploymentStart deploymentEnd "
    "setupBy cameraID cameraModel cameraDelay cameraHeight cameraDepth cameraTilt cameraHeading detectionDistance "
    "timestampIssues baitUse featureType habitat deploymentGroups deploymentTags deploymentComments"
)
MEDIA = _columns(
    "mediaID deploymentID captureMethod timestamp filePath filePublic fileName fileMediatype exifData favorite "
    "mediaComments"
)
OBSERVATIONS = _columns(
    "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel observationType cameraSetupType "
    "scientificName count lifeStage sex behavior individualID individualPositionRadius individualPositionAngle "
    "individualSpeed bboxX bboxY bboxWidth bboxHeight classificationMethod classifiedBy classificationTimestamp "
    "classificationProbability observationTags observationComments"
)


def described(
    places: Iterable[Place], first: date, last: date, labels: Mapping[str, str], about: About, *, has_media: bool
) -> dict[str, Any]:
    """datapackage.json. Cameras stood at `places` from `first` to `last`; `labels`: scientific name to EPPO code."""
    return {
        "profile": f"{VERSION}/camtrap-dp-profile.json",
        "name": "fieldeye",
        "created": to_the_second(about.created),
        "contributors": [{"title": about.publisher, "role": "rightsHolder"}],
        "sources": [{"title": "Fieldeye"}],
        "project": {
            "title": "Field monitoring of pests",
            "samplingDesign": "targeted",
            "captureMethod": ["timeLapse"],
            "individualAnimals": False,
            "observationLevel": ["event", "media"] if has_media else ["event"],
        },
        "spatial": {"type": "MultiPoint", "coordinates": [[one.longitude_deg, one.latitude_deg] for one in places]},
        "temporal": {"start": first.isoformat(), "end": last.isoformat()},
        "taxonomic": [_taxonomic(label, eppo) for label, eppo in sorted(labels.items())],
        "resources": [_resource(name) for name in ("deployments", "media", "observations")],
    }


def _taxonomic(label: str, eppo: str) -> dict[str, Any]:
    known = taxon(label)
    local = dict(zip(LANGUAGES, known.names, strict=False))  # a language without a name of its own gets none
    names = {code: local[ours] for ours, code in _ISO_639_3.items() if local.get(ours)}
    told: dict[str, Any] = {"scientificName": label}
    told |= {"taxonID": f"https://gd.eppo.int/taxon/{eppo}"} if eppo else {}
    told |= {"taxonRank": known.rank} if known.rank in RANKS else {}
    told |= {"kingdom": known.kingdom} if known.kingdom else {}
    return told | ({"vernacularNames": names} if names else {})


def _resource(name: str) -> dict[str, str]:
    return {
        "name": name,
        "path": f"{name}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": f"{VERSION}/{name}-table-schema.json",
    }
