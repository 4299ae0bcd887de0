"""HTTP of the rules and the signals that they watch."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from fleet_server.alerts.language import MAX_RULES, Rule
from fleet_server.alerts.ruleset import KnownRule, Ruleset
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

Name = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A rule's name.")]


class RulesRequest(BaseModel):
    """Rules to take in."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=MAX_RULES)]


class RuleJson(BaseModel):
    """A rule, and where it comes from."""

    name: str
    origin: Literal["default", "changed", "own"]
    """`changed`: a default rule of this name is put aside."""
    rule: Rule


class SignalJson(BaseModel):
    """What a rule can watch."""

    name: str
    """With `*` at the end, how its names begin."""
    meaning: str


def router(rules: Ruleset, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        rules: The rules.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/alert-signals")
    def list_signals(_holder: viewer) -> Page[SignalJson]:
        """List what rules can watch."""
        items = [SignalJson(name=signal.name, meaning=signal.meaning) for signal in rules.signals]
        return Page[SignalJson](items=sorted(items, key=lambda signal: signal.name))

    @routes.get("/alert-rules")
    def list_rules(_holder: viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[RuleJson]:
        """List the rules in order of name."""
        after = [_json(known) for known in rules.all() if known.rule.name > (cursor or "")]
        return Page[RuleJson].cut(after, limit, lambda rule: rule.name)

    @routes.get("/alert-rules/{name}")
    def get_rule(_holder: viewer, name: Name) -> RuleJson:
        """Show a rule."""
        return _json(rules.get(name))

    @routes.post("/alert-rules")
    def put_rules(holder: operator, body: RulesRequest) -> Page[RuleJson]:
        """Take rules in, all or none; one of the same name is replaced."""
        rules.put(holder.name, body.rules)
        known = {each.rule.name: _json(each) for each in rules.all()}
        return Page[RuleJson](items=[known[rule.name] for rule in body.rules if rule.name in known])

    @routes.delete("/alert-rules/{name}", status_code=status.HTTP_204_NO_CONTENT)
    def delete_rule(holder: operator, name: Name) -> None:
        """Remove what an operator has written; a default rule of that name is back."""
        rules.delete(holder.name, name)

    return routes


def _json(known: KnownRule) -> RuleJson:
    return RuleJson(name=known.rule.name, origin=known.origin, rule=known.rule)
