"""The page: all of what it is about, nothing that a stranger put there, nothing from elsewhere."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

from fleet_server.retraining.evidence import Figure
from fleet_server.summaries.facts import (
    AlertDay,
    Devices,
    DriftingStream,
    IncidentLine,
    LiveRequest,
    Summary,
    VerdictCount,
    VersionShare,
)
from fleet_server.summaries.page import CHART_HEIGHT, bars, html, text

HOSTILE = "<script>alert('x')</script>\"&"
INCIDENT = IncidentLine(
    incident_id="1",
    state="open",
    severity="critical",
    model="power",
    kind="peers",
    features=["wind", HOSTILE],
    devices=3,
    owner=HOSTILE,
    sentence=f"{HOSTILE} drifts.",
    opened_ms=0,
)
EMPTY = Summary(
    model=None,
    since_ms=0,
    until_ms=86_400_000,
    devices=Devices(active=0, online=0, silent=0, revoked=0),
    versions=[],
    verdicts=[],
    streams=[],
    incidents=[],
    alerts=[AlertDay("1970-01-01", 0, 0, 0)],
    performance=[],
    retraining=[],
)
FULL = replace(
    EMPTY,
    model="power",
    devices=Devices(active=31, online=30, silent=1, revoked=2),
    versions=[VersionShare("power", "2", 31)],
    verdicts=[VerdictCount("peers", "drift", 3)],
    streams=[DriftingStream("power", HOSTILE, 3)],
    incidents=[INCIDENT, replace(INCIDENT, state="closed")],
    alerts=[AlertDay("1970-01-01", 1, 2, 1), AlertDay("1970-01-02", 0, 0, 2)],
    performance=[
        Figure(version="2", name="accuracy", value=0.91, low=0.88, high=0.94, is_estimate=True),
    ],
    retraining=[LiveRequest("1", "power", "open", HOSTILE, 0)],
)


class Balance(HTMLParser):
    """Checks that what is opened is closed."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_what_strangers_have_named_stays_text() -> None:
    page = html(FULL)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    for summary in (EMPTY, FULL):
        page, balance = html(summary), Balance()
        balance.feed(page)
        assert balance.open == []
        assert re.findall(r"(?:src|href|url\(|@import|\w+://)", page) == []


def test_every_part_is_told() -> None:
    page = html(FULL)
    for told in (
        "31",
        "accuracy, estimated",
        "0.88 to 0.94",
        "peers",
        "its peers",
        "1970-01-02: 2 critical",
        "4 at most",
        "Asked to be trained",
    ):
        assert told in page
    assert html(EMPTY).count('class="nothing"') == 7


def test_the_bars_stand_on_each_other() -> None:
    found = bars(FULL.alerts)
    first = [bar for bar in found if bar.x == 0]
    assert [bar.severity for bar in first] == ["critical", "warning", "information"]
    assert sum(bar.height for bar in first) == CHART_HEIGHT
    for lower, upper in pairwise(first):
        assert upper.y + upper.height == lower.y
    assert bars([]) == bars(EMPTY.alerts) == []


def test_the_letter_names_what_is_open() -> None:
    said = text(FULL)
    assert "30 online" in said
    assert said.count("[critical]") == 1
