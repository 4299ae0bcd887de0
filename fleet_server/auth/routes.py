"""HTTP of the tokens: for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from fleet_server.auth.service import AuthService, Principal, Role
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page


class TokenRequest(BaseModel):
    """Who gets a token, and for what."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 @._-]{0,63}$", description="Actor in the audit log.")]
    role: Role
    valid_s: Annotated[int | None, Field(ge=1, le=366 * 86_400, description="Seconds; the server's default.")] = None


class TokenJson(BaseModel):
    """A token, without its secret."""

    token_id: str
    name: str
    role: Role
    created_ms: int
    expires_ms: int


class NewTokenJson(TokenJson):
    """A token with its secret, which is told this once."""

    token: str


def router(auth: AuthService, *, token_life_s: int) -> APIRouter:
    """Build the routes.

    Args:
        auth: Tokens and roles.
        token_life_s: Life of a token that names none.
    """
    routes = APIRouter(prefix="/api/v1", tags=["tokens"])
    admin = Annotated[Principal, Depends(auth.require(Role.ADMIN))]

    @routes.get("/tokens")
    def list_tokens(_holder: admin, limit: Limit = 50, cursor: Cursor = None) -> Page[TokenJson]:
        """List tokens, expired ones too."""
        rows = auth.list(limit=limit + 1, after=cursor)
        items = [TokenJson.model_validate(row.model_dump()) for row in rows]
        return Page[TokenJson].cut(items, limit, lambda item: item.token_id)

    @routes.post("/tokens", status_code=status.HTTP_201_CREATED)
    def create_token(holder: admin, body: TokenRequest) -> NewTokenJson:
        """Make a token."""
        row, secret = auth.create(holder.name, body.name, body.role, body.valid_s or token_life_s)
        return NewTokenJson.model_validate({**row.model_dump(), "token": secret})

    @routes.delete("/tokens/{token_id}", status_code=status.HTTP_204_NO_CONTENT)
    def delete_token(holder: admin, token_id: Annotated[str, Path(max_length=64, pattern=VISIBLE)]) -> None:
        """End a token's validity at once."""
        auth.delete(holder.name, token_id)

    return routes
