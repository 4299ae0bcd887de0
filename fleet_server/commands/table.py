"""Tables that fit the terminal, with every word whole."""

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

GAP = 2  # characters between two columns


def table_within(room: int, lines: list[list[Text]]) -> Table | None:
    """Lay lines out as a table; None where it would have to break a word, which nobody can read or copy.

    Args:
        room: Width of the terminal in characters.
        lines: The headings and a line a row. Headings alone are always a table.
    """
    widths = _widths(lines, room)
    if sum(widths) + GAP * len(widths) > room and len(lines) > 1:
        return None
    table = Table(box=None, padding=(0, GAP, 0, 0))
    for title, width in zip(lines[0], widths, strict=True):
        table.add_column(title, width=width)
    for line in lines[1:]:
        table.add_row(*line)
    return table


def _widths(lines: list[list[Text]], room: int) -> list[int]:
    columns = list(zip(*lines, strict=True))
    widths = [max(cell_len(word) for text in column for word in text.plain.split()) for column in columns]
    wishes = [max(text.cell_len for text in column) - width for column, width in zip(columns, widths, strict=True)]
    spare = max(room - sum(widths) - GAP * len(widths), 0)
    # The smallest wish first: what is left over is of most use to the longest text.
    for place in sorted(range(len(widths)), key=wishes.__getitem__):
        granted = min(wishes[place], spare)
        widths[place] += granted
        spare -= granted
    return widths
