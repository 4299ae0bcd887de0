"""The ingest: nothing lost, nothing twice, and no message that stands in the way."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Integer, MetaData, String, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlmodel import Session

from device_contract import topics
from device_contract.codec import decode, encode
from device_contract.messages import Ack, Report
from fleet_server.broker.client import BrokerClient
from fleet_server.broker.ingest import Delivery, Inbound, Ingest, Outbound
from fleet_server.db import Database
from tests.support.messages import BOOT_ID, make_report

WAIT_S = 30.0
REPORTS = Table(
    "stored_reports",
    MetaData(),
    Column("device_id", String, primary_key=True),
    Column("sequence", Integer, primary_key=True),
)


def _report(sequence: int, device_id: str = "turbine-1") -> Report:
    return make_report(device_id, sequence=sequence, summary=bytes(1000))


def _store(session: Session, batch: list[Inbound]) -> list[Outbound]:
    connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [{"device_id": item.device_id, "sequence": item.message.sequence} for item in batch]
    connection.execute(dialect.insert(REPORTS).values(keys).on_conflict_do_nothing())
    ack = Ack(boot_id=BOOT_ID, sequences=tuple(key["sequence"] for key in keys))
    return [Outbound(topics.down(batch[0].device_id, "ack"), encode(ack))]


@pytest.fixture
def store(database: Database) -> Database:
    REPORTS.metadata.create_all(database._engine)
    return database


def _stored(database: Database) -> set[int]:
    with database.reading() as session:
        return set(session.connection().execute(select(REPORTS.c.sequence)).scalars())


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class _Settled:
    """Counts acknowledgements."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def delivery(self, topic: str, payload: bytes) -> Delivery:
        return Delivery(topic, payload, lambda: self.topics.append(topic))


class _Run:
    """An ingest without a broker."""

    def __init__(self, database: Database, handler: Any, *, revoked: frozenset[str] = frozenset()) -> None:
        self.registry = CollectorRegistry()
        self.published: list[Outbound] = []
        self.settled = _Settled()
        self.ingest = Ingest(
            database,
            {"report": handler},
            publish=self.published.append,
            is_active=lambda device_id: device_id not in revoked,
            registry=self.registry,
        )

    def feed(self, *messages: tuple[str, bytes]) -> None:
        for topic, payload in messages:
            self.ingest.offer(self.settled.delivery(topic, payload))
        self.ingest.start()
        _eventually(lambda: len(self.settled.topics) == len(messages))
        self.ingest.stop()

    def refused(self, kind: str, reason: str) -> float | None:
        return self.registry.get_sample_value("leeway_messages_refused_total", {"kind": kind, "reason": reason})


def _on(device_id: str, report: Report) -> tuple[str, bytes]:
    return topics.up(device_id, "report"), encode(report)


def test_rubbish_is_counted_and_acknowledged_and_the_rest_is_stored(store: Database) -> None:
    run = _Run(store, _store, revoked=frozenset({"thief"}))
    run.feed(
        _on("turbine-1", _report(1)),
        (topics.up("turbine-1", "report"), b"rubbish"),
        (topics.up("turbine-1", "report"), bytes(200_000)),
        ("leeway/v1/turbine-1/up/nonsense", b""),
        (topics.down("turbine-1", "ack"), b""),
        _on("turbine-2", _report(2, "turbine-1")),
        _on("thief", _report(3, "thief")),
        _on("turbine-1", _report(4)),
    )
    assert _stored(store) == {1, 4}
    assert run.refused("report", "malformed") == 2
    assert run.refused("unknown", "topic") == 1
    assert run.refused("ack", "topic") == 1
    assert run.refused("report", "wrong_device") == 1
    assert run.refused("report", "inactive_device") == 1


def test_one_poisonous_message_does_not_block_the_others(store: Database) -> None:
    def handler(session: Session, batch: list[Inbound]) -> list[Outbound]:
        outbound = _store(session, batch)
        if any(item.message.sequence == 3 for item in batch):
            raise ZeroDivisionError
        return outbound

    run = _Run(store, handler)
    run.feed(*(_on("turbine-1", _report(sequence)) for sequence in range(6)))
    assert _stored(store) == {0, 1, 2, 4, 5}
    assert run.refused("report", "failed") == 1
    acked = [sequence for message in run.published for sequence in decode(message.payload, Ack).sequences]
    assert sorted(acked) == [0, 1, 2, 4, 5]


def test_while_the_database_is_away_nothing_is_acknowledged(store: Database) -> None:
    away = [True]
    attempts: list[int] = []
    run = _Run(store, None)

    def handler(session: Session, batch: list[Inbound]) -> list[Outbound]:
        attempts.append(len(run.settled.topics) + len(run.published))
        if away.pop() if away else False:
            raise OperationalError("INSERT", {}, Exception("the server closed the connection"))
        return _store(session, batch)

    run.ingest._handlers = {"report": handler}
    run.feed(_on("turbine-1", _report(1)))
    assert attempts == [0, 0]
    assert _stored(store) == {1}


@pytest.mark.parametrize(
    "error", [OperationalError("SELECT", {}, Exception("the server closed the connection")), NoConnectionError("pool")]
)
def test_a_database_that_cannot_say_who_is_active_is_asked_again(store: Database, error: Exception) -> None:
    run, away = _Run(store, _store), [error]

    def is_active(_device_id: str) -> bool:
        if away:
            raise away.pop()
        return True

    run.ingest._is_active = is_active
    run.feed(_on("turbine-1", _report(1)), _on("turbine-1", _report(2)))
    assert _stored(store) == {1, 2}


def test_a_message_is_not_dropped_for_want_of_a_connection(store: Database) -> None:
    busy = [NoConnectionError("QueuePool limit of size 16 overflow 16 reached")]

    def handler(session: Session, batch: list[Inbound]) -> list[Outbound]:
        if busy:
            raise busy.pop()
        return _store(session, batch)

    run = _Run(store, handler)
    run.feed(_on("turbine-1", _report(1)))
    assert _stored(store) == {1}


def test_a_stopped_ingest_leaves_the_rest_unacknowledged(store: Database) -> None:
    run = _Run(store, _store)
    run.ingest.stop()
    run.ingest.offer(run.settled.delivery(*_on("turbine-1", _report(1))))
    assert run.settled.topics == []


@pytest.fixture
def outbox(connect: Callable[..., Any]) -> Iterator[Callable[[int], set[int]]]:
    """A device that sends its reports again until the server has acknowledged them."""
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def start(count: int) -> set[int]:
        device = connect("turbine-1", clean=False)
        assert device.connect()
        assert device.subscribe("leeway/v1/turbine-1/down/#")
        acked: set[int] = set()

        def send() -> None:
            while not stopping.is_set() and len(acked) < count:
                for sequence in sorted(set(range(count)) - acked):
                    device.client.publish(*_on("turbine-1", _report(sequence)), 1)
                stopping.wait(2.0)

        def receive() -> None:
            while not stopping.is_set():
                while not device.received.empty():
                    acked.update(decode(device.received.get()[1], Ack).sequences)
                stopping.wait(0.01)

        threads.extend([threading.Thread(target=send), threading.Thread(target=receive)])
        for thread in threads:
            thread.start()
        return acked

    yield start
    stopping.set()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_the_server_stops_mid_stream(
    broker: Any, store: Database, outbox: Callable[[int], set[int]]
) -> None:
    count = 1500
    ingest, client = _serve(broker, store)
    acked = outbox(count)
    _eventually(lambda: len(_stored(store)) > 0)
    ingest.stop()
    client.stop()
    before = _stored(store)
    assert 0 < len(before) < count
    ingest, client = _serve(broker, store)
    _eventually(lambda: len(acked) == count)
    ingest.stop()
    client.stop()
    assert _stored(store) == set(range(count))
    with store.reading() as session:
        assert session.connection().execute(select(func.count()).select_from(REPORTS)).scalar() == count


def _serve(broker: Any, store: Database) -> tuple[Ingest, BrokerClient]:
    client = BrokerClient(broker.server_address())
    ingest = Ingest(
        store,
        {"report": _store},
        publish=client.publish,
        is_active=lambda _: True,
        registry=CollectorRegistry(),
    )
    ingest.start()
    client.start(ingest.offer)
    assert client.wait_connected(WAIT_S)
    return ingest, client
