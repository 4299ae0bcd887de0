"""E-mail by SMTP (RFC 5321): text for people, and a page as an attachment where there is one."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Literal

import msgspec

from fleet_server.alerts.routing.notices import Letter
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow

TIMEOUT_S: Final = 10.0
MailSecurity = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class MailServer:
    """Where e-mail is handed over, and as whom."""

    host: str
    port: int
    security: MailSecurity
    """``starttls``: encrypted from the first command on; ``tls``: from the first byte on."""
    sender: str
    user: str
    """Empty: nobody logs in."""
    password_file: Path
    """Read for each connection, so that a changed password needs no restart."""
    ca: Path | None
    """PEM file of whom to believe; ``None``: the system's."""


class MailChannel:
    """Hands letters to a mail server.

    Args:
        server: The mail server.
    """

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def send(self, receiver: ReceiverRow, delivery: DeliveryRow) -> str:
        """Send one letter; return what went wrong, nothing if the mail server took it."""
        message = compose(self._server.sender, receiver.address, delivery)
        try:
            with self._connect() as connection:
                self._log_in(connection)
                connection.send_message(message)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=self._trust())
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if server.security == "starttls":  # raises where the server does not offer it: never in the clear
                connection.starttls(context=self._trust())
        except BaseException:
            connection.close()
            raise
        return connection

    def _log_in(self, connection: smtplib.SMTP) -> None:
        if self._server.user:
            connection.login(self._server.user, self._server.password_file.read_text(encoding="utf-8").strip())

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.ca)


def compose(sender: str, recipient: str, delivery: DeliveryRow) -> EmailMessage:
    """Write the e-mail of a delivery."""
    letter = msgspec.json.decode(delivery.body, type=Letter)
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Subject"] = " ".join(letter.subject.split())  # names come from devices: no header line of theirs
    # the same for each attempt, by which mail programs know a letter that came twice
    message["Message-ID"] = f"<{delivery.delivery_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes, please
    message.set_content(letter.text)
    if letter.html:
        message.add_attachment(letter.html, subtype="html", filename="report.html")
    return message
