"""What the device says of itself."""

from array import array
from pathlib import Path

from device_contract.assignment import AssignedSlot
from device_contract.sketches import RowSummarizer
from edge_agent.reporting import Boot, Reporter
from edge_agent.settings import Settings
from edge_agent.summary import ClosedWindow
from tests.edge_agent.test_outbox import open_outbox, waiting
from tests.support.bundles import make_baseline

SETTINGS = Settings(device_id="pump-7", profile="generic-x86_64", server_url="", mqtt_host="::1", mqtt_port=8883)
SLOT = AssignedSlot(
    slot="champion", model="pump", version="1", target_path="pump/1/portable.bundle", sha256="0" * 64, length_bytes=1
)


def window(n_features: int) -> ClosedWindow:
    baseline = make_baseline([f"f{number}" for number in range(n_features)], ["score"])
    summarizer = RowSummarizer(baseline)
    summarizer.update(array("f", range(n_features)), array("d", [1.0]))
    return ClosedWindow(0, 1000, summarizer.take(), baseline)


def test_a_window_too_wide_for_a_report_is_counted_and_takes_no_number(tmp_path: Path) -> None:
    outbox, counters = open_outbox(tmp_path)
    reporter = Reporter(SETTINGS, Boot("0" * 16, 0), outbox, counters)
    reporter.keep(SLOT, "0" * 64, window(6000))
    reporter.keep(SLOT, "0" * 64, window(2))
    assert counters.snapshot() == {"reports_dropped": 1}
    assert [report.sequence for report in waiting(outbox)] == [0]
