"""Where scores go: ``none`` or ``stdout`` (``run --sink``)."""
