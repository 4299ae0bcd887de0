"""Counts of what goes wrong, and of what is out of the ordinary, since the boot.

They travel in each Status. A reason that repeats is counted each time and logged
once a minute.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

LOG_INTERVAL_S: Final = 60.0

COUNTERS: Final[dict[str, str]] = {
    "row_malformed": "Lines that are no JSON, no row, or whose time cannot be read; dropped.",
    "row_width": "Rows with too few or too many columns; dropped.",
    "row_missing_feature": "Rows by name that lack a feature of the model; dropped.",
    "row_text": "Rows with text where a number belongs; dropped.",
    "row_nan": "Rows that hold a NaN or a missing value; scored.",
    "row_infinite": "Rows that hold an infinity; scored.",
    "rows_without_model": "Rows that came while no model was active; dropped.",
    "late_rows": "Rows of a window that is already closed; scored, not in the statistics.",
    "scoring_errors": "Rows for which the model raised an error.",
    "outbox_write_errors": "Reports, labels and samples that could not be written to the disk; kept in memory.",
    "reports_merged": "Reports merged into a neighbour because the outbox was full.",
    "reports_dropped": "Reports dropped: the outbox was full with nothing left to merge, or the model is too wide.",
    "samples_dropped": "Samples dropped: the outbox was full (they go before anything else), or rows are too wide.",
    "samples_withheld": "Windows with leave to send rows that had fewer than the policy's minimum; none was sent.",
    "feedback_dropped": "Messages with labels dropped because the outbox was full with nothing else to drop or merge.",
    "feedback_refused": "Labels that name no row, or are neither a number nor a text; dropped.",
    "feedback_unmatched": "Labels whose row is not remembered any more; sent without its prediction.",
    "metrics_refused": "Values of metrics that are no finite numbers, or of one name too many; dropped.",
    "statistics_errors": "Rows and windows whose statistics could not be kept; scored all the same.",
    "reports_unreadable": "Files in the outbox that are no messages; deleted.",
    "reports_resent": "Reports, labels and samples sent again because no acknowledgement came.",
    "messages_malformed": "Messages from the broker that could not be read; dropped.",
    "messages_oversized": "Messages from the broker beyond the size limit; dropped.",
    "assignments_stale": "Assignments that are not newer than the last one; ignored.",
    "preparation_retries": "Attempts to fetch and test an assignment that are made again.",
    "journal_write_errors": "Steps of an update put off because the journal could not be written.",
    "model_unavailable": "Bundles that were active before and can no longer be loaded.",
    "renewal_failures": "Attempts to renew the certificate that failed; the present one goes on.",
    "connection_losses": "Times the connection to the broker was lost or refused.",
    "predictions_unkept": "Times that predictions could not be kept on the disk; labels come without them.",
    "sink_errors": "Scores that could not be written out.",
    "source_errors": "Times the source of rows ended with an error.",
}


class Counters:
    """Named counts, safe from several threads.

    Args:
        clock_s: Monotonic seconds, for the interval of log lines.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._next_log_s: dict[str, float] = {}

    def add(self, name: str, detail: object = "", count: int = 1) -> None:
        """Count, and log the detail unless the same reason was logged within the last minute."""
        if name not in COUNTERS:
            raise KeyError(name)
        now_s = self._clock_s()
        with self._lock:
            total = self._counts[name] = self._counts.get(name, 0) + count
            is_due = bool(detail) and now_s >= self._next_log_s.get(name, now_s)
            if is_due:
                self._next_log_s[name] = now_s + LOG_INTERVAL_S
        if is_due:
            logger.warning("%s (%d so far): %s", name, total, detail)

    def snapshot(self) -> dict[str, int]:
        """Return the counts by name; those that are zero are left out."""
        with self._lock:
            return dict(sorted(self._counts.items()))
