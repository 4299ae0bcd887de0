import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.commands.output import Answer, cell, heading, show, value_at


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("last_seen_ms", 1_700_000_000_000, "2023-11-14 22:13:20"),
        ("last_seen_ms", None, "-"),
        ("last_seen_ms", 2**53, str(2**53)),
        ("labels", {"site": "north", "row": "2"}, "site=north, row=2"),
        ("labels", {}, "-"),
        ("features", ["rotor_speed", "wind_speed"], "rotor_speed, wind_speed"),
        ("online", False, "no"),
        ("rows", 0, "0"),
        ("severity", 1.23456789, "1.235"),
        ("above", 172_800.0, "172800"),
        ("above", 1e300, "1e+300"),
        ("above", float("inf"), "inf"),
        ("evidence", {"since_ms": 0}, "since_ms=1970-01-01 00:00:00"),
    ],
)
def test_a_value_is_written_by_its_name_and_type(path: str, value: object, text: str) -> None:
    assert cell(path, value).plain == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_any_json_value_becomes_one_printable_line(value: object) -> None:
    assert cell("since_ms", value).plain.isprintable()


def test_an_escape_sequence_of_a_device_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer({"items": [{"detail": "\x1b]0;owned\x07 [red]x[/red]"}]}, ("detail",)), as_json=False)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[red]x[/red]" in shown


def test_headings_read_like_words() -> None:
    assert heading("peers.verdict") == "peers"
    assert heading("peers.since_ms") == "peers since"


def test_a_path_that_leads_nowhere_is_nothing() -> None:
    assert value_at({"peers": None}, "peers.verdict") is None


def test_a_path_goes_through_a_list() -> None:
    assert value_at({"slots": [{"version": "1"}, {"version": "2"}]}, "slots.version") == ["1", "2"]


def test_json_is_the_body_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"items": [{"device_id": "a", "labels": {"é": "\x1b"}}], "next_cursor": None}
    show(Answer(body, ("device_id",), note="unseen"), as_json=True)
    captured = capsys.readouterr()
    assert json.loads(captured.out) == body
    assert captured.err == ""


def test_a_table_of_nothing_still_names_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer({"items": [], "next_cursor": None}, ("device_id", "last_seen_ms")), as_json=False)
    assert "device id  last seen" in capsys.readouterr().out


def test_a_list_that_goes_on_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer({"items": [{"id": "a"}], "next_cursor": "a"}, ("id",)), as_json=False)
    assert "--all" in capsys.readouterr().err


def test_a_record_shows_its_rows_as_a_table_below(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer({"id": "d1", "waves": [{"number": 1, "state": "passed"}, {"number": 2, "detail": "x"}]}), as_json=False)
    shown = capsys.readouterr().out
    assert "number  state   detail" in shown
    assert shown.index("d1") < shown.index("waves")


def be_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


WIDE = {f"field_{n}": f"value-{n}" for n in range(20)}


def test_rows_too_wide_for_the_terminal_are_shown_as_records(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_terminal(monkeypatch)
    show(Answer({"items": [WIDE, WIDE]}, tuple(WIDE)), as_json=False)
    shown = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in shown].count("field 19  value-19") == 2
    assert "" in shown, "records are told apart"


def test_a_table_that_fits_breaks_between_words_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_a_terminal(monkeypatch)
    items = [{"seen_ms": 0, "what": "word " * 30, "id": "pump-7"}]
    show(Answer({"items": items}, ("seen_ms", "what", "id")), as_json=False)
    heading_line, first, *_ = capsys.readouterr().out.splitlines()
    assert heading_line.split() == ["seen", "what", "id"]
    assert first.split()[0] == "1970-01-01"


def test_a_pipe_gets_a_line_a_row_however_wide(capsys: pytest.CaptureFixture[str]) -> None:
    show(Answer({"variants": [WIDE]}), as_json=False)
    assert capsys.readouterr().out.splitlines()[-1].split() == list(WIDE.values())
