"""What a count means for the crop: action thresholds, degree days, first catch, and the Alert that says why. Pure."""

from edge.advice.alert import Alert, Level, Measured, Watch, judged
from edge.advice.degree_days import DayRange, HeatSum, degree_days, heat_sum
from edge.advice.first_catch import Biofix, Night, first_catch
from edge.advice.thresholds import Threshold, defaults, fitting, read_thresholds
from edge.advice.units import Refused, Stand, converted

__all__ = [
    "Alert",
    "Biofix",
    "DayRange",
    "HeatSum",
    "Level",
    "Measured",
    "Night",
    "Refused",
    "Stand",
    "Threshold",
    "Watch",
    "converted",
    "defaults",
    "degree_days",
    "first_catch",
    "fitting",
    "heat_sum",
    "judged",
    "read_thresholds",
]
