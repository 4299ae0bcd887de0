"""E-mail through a real SMTP server: encrypted, logged in, tried again."""

import ssl
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from msgspec.structs import replace

from fleet_server.alerts.routing.mail import MailChannel, MailSecurity, MailServer
from fleet_server.alerts.routing.notices import Notice, letter_body
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow
from fleet_server.app import FleetServer
from fleet_server.settings import DataFolder, read_settings
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.support.authority import Authority
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

NOTICE = Notice(
    event="incident.opened",
    severity="warning",
    subject="[warning] power:\nBcc: all@example.org",
    text="turbine-1 drifts.",
    body={},
    html="<p>A page.</p>",
)


class Mailbox:
    """An SMTP server's handler that keeps what it takes."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.refusal = ""

    async def handle_DATA(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refusal:
            return self.refusal
        self.received.append(message_from_bytes(envelope.content or b""))
        return "250 OK"


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object) -> AuthResult:
    is_known = isinstance(given, LoginPassword) and (given.login, given.password) == (b"leeway", b"open sesame")
    return AuthResult(success=is_known, handled=is_known)


class Post:
    """A mail server, and a channel that is told of it."""

    def __init__(self, folder: Path, authority: Authority, security: MailSecurity) -> None:
        self.mailbox = Mailbox()
        self.folder = folder
        self.server = MailServer(
            host="127.0.0.1",
            port=free_port(),
            security=security,
            sender="leeway@example.org",
            user="" if security == "none" else "leeway",
            password_file=folder / "mail.password",
            ca=authority.ca,
        )
        self.server.password_file.write_text("open sesame\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _, certificate, key = authority.issue("broker")
        context.load_cert_chain(certificate, key)
        options = {} if security == "none" else {"authenticator": authenticate, "auth_required": True}
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        elif security == "tls":
            options = {"ssl_context": context, "authenticator": authenticate, "auth_require_tls": False}
        self.controller = Controller(self.mailbox, hostname="127.0.0.1", port=self.server.port, **options)

    def send(self) -> str:
        delivery = DeliveryRow(delivery_id="d1", receiver="ops", body=letter_body(NOTICE), due_ms=0)
        receiver = ReceiverRow(
            name="ops", kind="mail", address="ops@example.org", minimum_severity="", secret="", created_ms=0
        )
        return MailChannel(self.server).send(receiver, delivery)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "pki").mkdir()
    return Authority(tmp_path / "pki")


@pytest.fixture(params=["starttls", "tls", "none"])
def post(request: pytest.FixtureRequest, tmp_path: Path, authority: Authority) -> Iterator[Post]:
    made = Post(tmp_path, authority, request.param)
    made.controller.start()
    yield made
    made.controller.stop()


def test_a_letter_arrives_with_its_page_and_no_header_of_a_stranger(post: Post) -> None:
    assert post.send() == ""
    (message,) = post.mailbox.received
    assert message["Subject"] == "[warning] power: Bcc: all@example.org"
    assert (message["To"], message["Bcc"], message["Message-ID"]) == ("ops@example.org", None, "<d1@example.org>")
    text, page = message.get_payload()
    assert "turbine-1 drifts." in text.get_payload()
    assert (page.get_filename(), page.get_content_type()) == ("report.html", "text/html")


def test_what_the_mail_server_says_against_it_is_the_reason(post: Post) -> None:
    post.mailbox.refusal = "452 no space"
    assert "no space" in post.send()


@pytest.mark.parametrize("post", ["starttls"], indirect=True)
def test_a_wrong_password_or_certificate_is_the_reason(post: Post, tmp_path: Path) -> None:
    post.server.password_file.write_text("wrong")
    assert "SMTPAuthenticationError" in post.send()
    (tmp_path / "foreign").mkdir()
    post.server = MailServer(**{**vars(post.server), "ca": Authority(tmp_path / "foreign").ca})
    assert "CERTIFICATE_VERIFY_FAILED" in post.send()
    post.server = MailServer(**{**vars(post.server), "port": free_port()})
    assert "ConnectionRefusedError" in post.send()


@pytest.mark.parametrize("post", ["none"], indirect=True)
def test_a_letter_is_never_sent_in_the_clear_where_it_must_not(post: Post) -> None:
    post.server = MailServer(**{**vars(post.server), "security": "starttls"})
    assert "STARTTLS" in post.send()
    assert post.mailbox.received == []


@pytest.mark.parametrize("post", ["none"], indirect=True)
def test_an_incident_reaches_a_person(post: Post, folder: DataFolder, clock: ManualClock) -> None:
    settings = replace(
        read_settings(folder),
        mail_host=post.server.host,
        mail_port=post.server.port,
        mail_security="none",
        mail_from="leeway@example.org",
    )
    server = FleetServer(folder, settings, clock)
    api = AppClient(server.app, folder.admin_token.read_text().strip())
    body = {"name": "anna", "kind": "mail", "address": "anna@example.org"}
    assert api.post("/api/v1/receivers", json={**body, "address": "anna, bob@example.org"}).status_code == 422
    assert api.post("/api/v1/receivers", json=body).status_code == 201
    with server.rooms.database.session() as session:
        server.rooms.alerts.receivers.post(session, NOTICE)
    for loop in server._loops[1:]:
        loop.run_round()
    assert [message["To"] for message in post.mailbox.received] == ["anna@example.org"]
    server.close()


def test_without_a_mail_server_there_is_no_such_receiver(http: AppClient) -> None:
    answer = http.post("/api/v1/receivers", json={"name": "a", "kind": "mail", "address": "a@example.org"})
    assert "no mail server is set" in answer.json()["detail"]
