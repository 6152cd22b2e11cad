"""What the doctor says of one part of a node."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one part. `state`: ok, worth a look (the node works all the same), or not well."""

    what: str
    state: str
    sentence: str
