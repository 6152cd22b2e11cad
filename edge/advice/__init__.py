"""What a count means for the crop: action thresholds, degree days, first catch, and the Alert that says why. Pure."""

from edge.advice.adviser import begun, to_json
from edge.advice.alert import alert_of
from edge.advice.degree_days import DayRange, degree_days, heat_sum
from edge.advice.evidence import Days, is_share
from edge.advice.first_catch import Biofix, Night, first_catch
from edge.advice.standing import Evidence, Measured, Period, Standing, judged, key_of
from edge.advice.thresholds import Threshold, defaults, read_thresholds, watched
from edge.advice.units import Refused, Stand, converted

__all__ = [
    "Biofix",
    "DayRange",
    "Days",
    "Evidence",
    "Measured",
    "Night",
    "Period",
    "Refused",
    "Stand",
    "Standing",
    "Threshold",
    "alert_of",
    "begun",
    "converted",
    "defaults",
    "degree_days",
    "first_catch",
    "heat_sum",
    "is_share",
    "judged",
    "key_of",
    "read_thresholds",
    "to_json",
    "watched",
]
