"""Queries that only read: one statement, and nothing in it that writes."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from fleet_server.errors import StartError

_READING = (exp.Query, exp.Describe, exp.Summarize, exp.Show)
_WRITING = (exp.DML, exp.DDL, exp.Into, exp.Command)


def check_read_only(text: str, dialect: str) -> None:
    """See that a text is one query.

    Args:
        text: SQL.
        dialect: The backend's, as Ibis names it.

    Raises:
        StartError: It is malformed, empty, more than one statement, or one that changes something.
    """
    try:
        statements = [statement for statement in sqlglot.parse(text, read=dialect) if statement is not None]
    except SqlglotError as error:
        raise StartError(f"cannot read the query: {str(error).splitlines()[0]}") from error
    if len(statements) != 1:
        raise StartError(f"give one statement, not {len(statements)}")
    (statement,) = statements
    if not isinstance(statement, _READING) or any(part is not statement for part in statement.find_all(*_WRITING)):
        raise StartError("the archive is read-only: ask with SELECT, DESCRIBE, SUMMARIZE or SHOW")
