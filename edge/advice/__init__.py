"""What a count means for the crop: action thresholds, degree days, first catch, and the Alert that says why. Pure."""

from edge.advice.adviser import Adviser, begun, to_json
from edge.advice.against_threshold import Measured, Period, Standing, asks_again, key_of
from edge.advice.evidence import Days, is_share
from edge.advice.thresholds import Threshold, defaults, watched
from edge.advice.units import Stand

__all__ = [
    "Adviser",
    "Days",
    "Measured",
    "Period",
    "Stand",
    "Standing",
    "Threshold",
    "asks_again",
    "begun",
    "defaults",
    "is_share",
    "key_of",
    "to_json",
    "watched",
]
