"""Making, checking and removing tokens.

A token is 32 random bytes: a fast hash is enough, since there is nothing to guess.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from sqlmodel import col, select

from device_contract.canonical import sha256_hex
from fleet_server.audit.service import AuditService
from fleet_server.auth.tables import TokenRow
from fleet_server.clock import Clock
from fleet_server.db import Database, existing
from fleet_server.errors import ForbiddenError, UnauthenticatedError


class Role(StrEnum):
    """What a token's holder does; every role may read, ``admin`` may do everything."""

    VIEWER = "viewer"
    ML_ENGINEER = "ml_engineer"
    OPERATOR = "operator"
    APPROVER = "approver"
    RELEASE_CI = "release_ci"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """The holder of a valid token; ``name`` is the actor in the audit log."""

    token_id: str
    name: str
    role: Role


_bearer = HTTPBearer(auto_error=False, description="An API token.")
_basic = HTTPBasic(auto_error=False, realm="leeway", description="Any user name, an API token as password.")


class AuthService:
    """Tokens and roles."""

    def __init__(self, database: Database, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def create(self, actor: str, name: str, role: Role, valid_s: int) -> tuple[TokenRow, str]:
        """Make a token.

        Returns:
            Its row, and the secret, which is told this once.
        """
        secret = "lwt_" + secrets.token_urlsafe(32)
        now_ms = self._clock()
        row = TokenRow(
            token_id=secrets.token_hex(8),
            name=name,
            role=role,
            sha256=sha256_hex(secret.encode()),
            created_ms=now_ms,
            expires_ms=now_ms + 1000 * valid_s,
        )
        with self._database.session() as session:
            session.add(row)
            self._audit.record(session, actor, "token.create", row.token_id, name=name, role=role, valid_s=valid_s)
        return row, secret

    def list(self, *, limit: int, after: str | None = None) -> list[TokenRow]:
        """Return tokens in order of id."""
        query = select(TokenRow).order_by(col(TokenRow.token_id)).where(col(TokenRow.token_id) > (after or ""))
        with self._database.reading() as session:
            return list(session.exec(query.limit(limit)))

    def delete(self, actor: str, token_id: str) -> None:
        """Remove a token, which ends its validity at once.

        Raises:
            NotFoundError: There is no such token.
        """
        with self._database.session() as session:
            row = existing(session, TokenRow, token_id, "token")
            session.delete(row)
            self._audit.record(session, actor, "token.delete", token_id, name=row.name, role=row.role)

    def authenticate(self, secret: str) -> Principal:
        """Find the holder of a token.

        Raises:
            UnauthenticatedError: The token is unknown or has expired.
        """
        with self._database.reading() as session:
            row = session.exec(select(TokenRow).where(TokenRow.sha256 == sha256_hex(secret.encode()))).first()
        if row is None:
            raise UnauthenticatedError("the token is not known here")
        if row.expires_ms <= self._clock():
            raise UnauthenticatedError(
                "the token has expired; ask an administrator for a new one", code="token_expired"
            )
        return Principal(row.token_id, row.name, Role(row.role))

    def require(self, *roles: Role) -> Callable[..., Principal]:
        """Build the dependency that admits the holders of these roles, and administrators.

        ``Role.VIEWER`` admits every role.
        """

        def principal(
            bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
            basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
        ) -> Principal:
            if bearer is None and basic is None:
                raise UnauthenticatedError("send a token: `Authorization: Bearer <token>`")
            holder = self.authenticate(bearer.credentials if bearer else basic.password if basic else "")
            if holder.role is not Role.ADMIN and Role.VIEWER not in roles and holder.role not in roles:
                raise ForbiddenError(f"role {holder.role} may not do this; it takes {' or '.join(roles)}")
            return holder

        return principal
