"""The detectors: pure functions of window statistics, one idea a file, over all devices at once.

``lay_out`` makes the reference of a baseline, ``stack`` the arrays of a window, ``judge`` the
verdicts. Nothing here knows a clock, a file or a database. The page is ``docs/guides/drift.md``.
"""

from detectors.carrying import carry
from detectors.charts import Charts, charts_of
from detectors.cohorts import cohorts
from detectors.diagnosis import Diagnosis, Finding, diagnose, findings
from detectors.errors import DetectorError, StateError
from detectors.fdr import discovery_rates
from detectors.judge import LEARNING_WINDOWS, judge
from detectors.judgement import Judgement, join_groups
from detectors.levels import DEFAULT_RATE, Levels, level_for
from detectors.packing import pack, pack_fleet, unpack, unpack_fleet
from detectors.reference import Reference, lay_out
from detectors.regrouping import among_others, without_groups
from detectors.stacking import DeviceWindow, EncodedWindow, stack, stack_encoded
from detectors.state import KINDS, DevicePasts, FleetPast, State, empty_state
from detectors.tolerances import Tolerances
from detectors.windows import WindowArrays

__all__ = [
    "DEFAULT_RATE",
    "KINDS",
    "LEARNING_WINDOWS",
    "Charts",
    "DetectorError",
    "DevicePasts",
    "DeviceWindow",
    "Diagnosis",
    "EncodedWindow",
    "Finding",
    "FleetPast",
    "Judgement",
    "Levels",
    "Reference",
    "State",
    "StateError",
    "Tolerances",
    "WindowArrays",
    "among_others",
    "carry",
    "charts_of",
    "cohorts",
    "diagnose",
    "discovery_rates",
    "empty_state",
    "findings",
    "join_groups",
    "judge",
    "lay_out",
    "level_for",
    "pack",
    "pack_fleet",
    "stack",
    "stack_encoded",
    "unpack",
    "unpack_fleet",
    "without_groups",
]
