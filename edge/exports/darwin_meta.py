"""Which terms the tables of a Darwin Core Archive have, and the meta.xml that says so (Darwin Core Text Guide)."""

from dataclasses import dataclass

DWC = "http://rs.tdwg.org/dwc/terms/"
_OBIS = "http://rs.iobis.org/obis/terms/"


@dataclass(frozen=True, slots=True)
class Table:
    """A file of the archive. The first column is the event's id, which the others refer to."""

    file: str
    row_type: str
    terms: tuple[str, ...]


def _terms(words: str) -> tuple[str, ...]:
    return tuple(f"{DWC}{word}" for word in words.split())


EVENT = Table(
    "event.csv",
    f"{DWC}Event",
    _terms(
        "eventID eventDate verbatimEventDate samplingProtocol samplingEffort sampleSizeValue sampleSizeUnit "
        "eventRemarks locationID locality decimalLatitude decimalLongitude geodeticDatum dynamicProperties"
    ),
)
OCCURRENCE = Table(
    "occurrence.csv",
    f"{DWC}Occurrence",
    _terms(
        "eventID occurrenceID basisOfRecord occurrenceStatus scientificName kingdom taxonRank taxonID lifeStage "
        "individualCount organismQuantity organismQuantityType identifiedBy identificationVerificationStatus"
    ),
)
MEASUREMENT = Table(  # the extended form: a plain MeasurementOrFact cannot point at one occurrence of the event
    "measurement.csv",
    f"{_OBIS}ExtendedMeasurementOrFact",
    _terms("eventID measurementID occurrenceID measurementType measurementValue measurementUnit measurementMethod"),
)


def names(table: Table) -> list[str]:
    """The header line: each term's last word."""
    return [term.rpartition("/")[2] for term in table.terms]


def meta_xml() -> str:
    """The events are the archive's core."""
    parts = [_part(EVENT, "core", "id"), *(_part(one, "extension", "coreid") for one in (OCCURRENCE, MEASUREMENT))]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">\n'
    return head + "".join(parts) + "</archive>\n"


def _part(table: Table, element: str, key: str) -> str:
    fields = "".join(
        f'    <field index="{index}" term="{term}"/>\n'
        for index, term in enumerate(table.terms)
        if element == "core" or index  # an extension's first column is only the reference
    )
    return (
        f'  <{element} encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\r\\n" fieldsEnclosedBy="&quot;" '
        f'ignoreHeaderLines="1" rowType="{table.row_type}">\n'
        f"    <files><location>{table.file}</location></files>\n"
        f'    <{key} index="0"/>\n{fields}  </{element}>\n'
    )
