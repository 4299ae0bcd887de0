"""The errors of the detectors."""


class DetectorError(Exception):
    """What the detectors were given cannot be used."""


class StateError(DetectorError):
    """A stored past is malformed, or belongs to another baseline."""
