"""One example of each message, whose bytes are in tests/golden/messages/, and strategies for all of them."""

from typing import get_args

from hypothesis import strategies as st

from device_contract.feedback import Feedback, LabelledRow
from device_contract.messages import Ack, AssignmentMessage, Birth, Message, Phase, Report, SlotState, Status
from device_contract.samples import Sample, SampledRow

BOOT = "0123456789abcdef"
SLOT = SlotState(slot="champion", model="power", version="1.2.0", bundle_sha256="a" * 64)
SAMPLED = SampledRow(
    row=52_417,
    time_ms=1_420_071_000_000,
    values=bytes.fromhex("0000c0400000c07f"),
    outputs=bytes.fromhex("0000000000d88540"),
    contributions=bytes.fromhex("000020410000c07f"),
)
LABELLED = LabelledRow(row=52_417, time_ms=None, outputs=bytes.fromhex("0000000000d88540"), label=701.5)
EXAMPLES: dict[str, Message] = {
    "birth": Birth(
        device_id="turbine-R80711",
        boot_id=BOOT,
        online=True,
        agent_version="0.1.0",
        profile="raspberry-pi-4",
        processor="aarch64",
        started_ms=1_420_070_400_000,
    ),
    "status": Status(
        device_id="turbine-R80711",
        boot_id=BOOT,
        time_ms=1_420_070_460_000,
        action_id="d7-turbine-R80711",
        assignment_sequence=3,
        phase="rolled_back",
        reason_code="probation_failed",
        detail="die Abweichung war zu groß",
        slots=(SLOT,),
        rows_scored=52_560,
        outbox_reports=2,
        counters={"rows_refused": 1, "downloads_resumed": 4},
    ),
    "report": Report(
        device_id="turbine-R80711",
        boot_id=BOOT,
        sequence=41,
        slot="champion",
        model="power",
        version="1.2.0",
        bundle_sha256="a" * 64,
        baseline_sha256="b" * 64,
        window_start_ms=1_420_070_400_000,
        window_end_ms=1_420_156_800_000,
        merged_windows=1,
        rows=144,
        summary=bytes.fromhex("0100020000000000"),
    ),
    "sample": Sample(
        device_id="turbine-R80711",
        boot_id=BOOT,
        sequence=42,
        slot="champion",
        model="power",
        version="1.2.0",
        bundle_sha256="a" * 64,
        window_start_ms=1_420_070_400_000,
        window_end_ms=1_420_156_800_000,
        rows_seen=144,
        redacted=("operator",),
        rows=(SAMPLED, SampledRow(row=52_420, time_ms=1_420_072_800_000, values=bytes(8), outputs=bytes(8))),
    ),
    "feedback": Feedback(
        device_id="turbine-R80711",
        boot_id=BOOT,
        sequence=43,
        model="power",
        version="1.2.0",
        labels=(
            LABELLED,
            LabelledRow(row=None, time_ms=1_420_072_800_000, outputs=b"", label="gestört", weight=0.5),
        ),
    ),
    "assignment": AssignmentMessage(
        envelope=b'{"payload":"","payloadType":"t","signatures":[]}', repository_url="https://fleet.example:8443/r/x"
    ),
    "ack": Ack(boot_id=BOOT, sequences=(40, 41)),
}

_naturals = st.integers(0, 2**53)
_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=512)
_names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
_boots = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
_digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
_slots = st.sampled_from(["champion", "shadow", "fallback"])
_phases = st.sampled_from(get_args(Phase))
_slot_states = st.builds(SlotState, slot=_slots, model=_names, version=_names, bundle_sha256=_digests)
_sampled_rows = st.builds(
    SampledRow,
    row=_naturals,
    time_ms=_naturals,
    values=st.binary(max_size=200),
    outputs=st.binary(max_size=40),
    contributions=st.binary(max_size=200),
)
_labelled_rows = st.builds(
    LabelledRow,
    row=st.none() | _naturals,
    time_ms=st.none() | _naturals,
    outputs=st.binary(max_size=40),
    label=st.floats(allow_nan=False) | _texts,
    weight=st.floats(0.0),
)

messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Birth,
        device_id=_ids,
        boot_id=_boots,
        online=st.booleans(),
        agent_version=_texts,
        profile=_names,
        processor=_texts,
        started_ms=_naturals,
        schema_version=st.just(1),
    ),
    st.builds(
        Status,
        device_id=_ids,
        boot_id=_boots,
        time_ms=_naturals,
        action_id=_texts,
        assignment_sequence=_naturals,
        phase=_phases,
        reason_code=_texts,
        detail=_texts,
        slots=st.lists(_slot_states, max_size=8).map(tuple),
        rows_scored=_naturals,
        outbox_reports=_naturals,
        counters=st.dictionaries(_texts, _naturals, max_size=8),
        schema_version=st.just(1),
    ),
    st.builds(
        Report,
        device_id=_ids,
        boot_id=_boots,
        sequence=_naturals,
        slot=_slots,
        model=_names,
        version=_names,
        bundle_sha256=_digests,
        baseline_sha256=_digests,
        window_start_ms=_naturals,
        window_end_ms=_naturals,
        merged_windows=_naturals,
        rows=_naturals,
        summary=st.binary(max_size=2000),
        schema_version=st.just(1),
    ),
    st.builds(
        Sample,
        device_id=_ids,
        boot_id=_boots,
        sequence=_naturals,
        slot=_slots,
        model=_names,
        version=_names,
        bundle_sha256=_digests,
        window_start_ms=_naturals,
        window_end_ms=_naturals,
        rows_seen=_naturals,
        redacted=st.lists(_texts, max_size=4).map(tuple),
        rows=st.lists(_sampled_rows, max_size=8).map(tuple),
        schema_version=st.just(1),
    ),
    st.builds(
        Feedback,
        device_id=_ids,
        boot_id=_boots,
        sequence=_naturals,
        model=_names,
        version=_names,
        labels=st.lists(_labelled_rows, max_size=8).map(tuple),
        schema_version=st.just(1),
    ),
    st.builds(AssignmentMessage, envelope=st.binary(max_size=2000), repository_url=_texts, schema_version=st.just(1)),
    st.builds(Ack, boot_id=_boots, sequences=st.lists(_naturals, max_size=50).map(tuple), schema_version=st.just(1)),
)
