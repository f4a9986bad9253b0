"""What tells the header of a table of campaigns, for the readers that archives of pieces use too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import InputError
from ..columns import listed
from .header import name_of, score
from .wide import channels

ENOUGH = 6   # points of a row that is a header: a number and one more known name


class MetricColumns:
    """Stands where `Columns` does for pieces."""

    kind = "campaigns"

    def __init__(self, mapping: Mapping[str, str]):
        self.mapping = dict(mapping)

    def begins(self, cells: list[str]) -> bool:
        """Whether this row may be the header of a table of campaigns."""
        return score(cells, self.mapping) >= ENOUGH or len(channels([name_of(cell) for cell in cells])) > 1

    def require_text(self, name: str, header: Iterable[str]) -> None:
        """Raises InputError where a row is no header."""
        header = list(header)
        if not self.begins(header):
            raise InputError(name, f"the columns {listed(header)}", "a table with an exposure (impressions, clicks or spend) and an "
                                                                    "outcome",
                             "Name the columns: --map impressions=COLUMN --map clicks=COLUMN.")
