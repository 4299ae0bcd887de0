"""How the answer to a query is written."""

from enum import StrEnum


class ResultFormat(StrEnum):
    """A form, by the word that ``--format`` takes."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
