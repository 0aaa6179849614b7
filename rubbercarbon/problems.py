"""The list of everything that was wrong, refused or doubtful in a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rubbercarbon import messages

if TYPE_CHECKING:
    import pandas as pd

# a code that is not here refuses nothing and asks to be looked at
ERRORS = frozenset({
    "not_a_number", "diameter_missing", "diameter_not_positive", "diameter_too_large",
    "count_not_valid", "species_missing", "species_unknown", "row_repeated", "plot_unknown",
    "plot_missing", "too_many_cells", "too_few_cells", "lines_more", "decimal_comma",
    "below_subplot",
    "not_estimated", "no_result", "area_not_valid", "file_unreadable", "file_left_out",
    "totals_row",
    "heading_repeated", "earlier_census", "cell_error", "other_sheets", "unit_row",
    "formula_without_value",
    "site_without_id", "site_repeated", "site_failed", "polygon_no_feature", "polygon_empty",
    "polygon_wrong_kind", "polygon_bad_position", "polygon_not_degrees", "polygon_too_short",
    "polygon_lost", "polygon_repeated",
    "felled_missing", "felled_not_positive",
})  # fmt: skip
NOTES = frozenset({
    "not_alive", "column_ignored", "rows_empty", "tag_gaps", "tag_order", "digits_heaped",
    "height_constant", "coordinates_outside", "pom_missing", "suggestion_applied", "example_row",
    "text_row", "section_row", "id_respelt", "area_respelt", "height_tall",
    "volume_above_cylinder", "cells_missing", "polygon_direction", "plot_area_unknown",
    "no_area_known",
    "felled_too_small", "felled_density", "fit_few_places",
})  # fmt: skip
NAMES_OF_COLUMNS = ("used", "other", "what")  # values of messages that may name a column
COLUMNS = (
    "file", "sheet", "row", "column", "value", "code", "severity", "message", "suggestion",
    "suggested_value",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of the list; `values` fill the texts, unless they were read from a file."""

    file: str
    sheet: str
    row: int | None
    column: str
    value: str
    code: str
    severity: str
    values: dict[str, object] = field(default_factory=dict)
    texts: tuple[str, str] | None = None
    fix: str = ""

    def message(self, language: str) -> str:
        """What is wrong."""
        if self.texts is not None:
            return self.texts[0]
        return messages.text("problems", self.code, language, **self.values)

    def advice(self, language: str) -> str:
        """What to do about it."""
        if self.texts is not None:
            return self.texts[1]
        said = messages.text("advice", self.code, language, **self.values)
        if not self.fix or messages.takes("advice", self.code, language, "fix"):
            return said
        meant = messages.text("cli", "meant", language, fix=self.fix)
        return f"{said}; {meant}" if said else meant


class Problems:
    """Collects problems; becomes a table in the language asked for.

    Attributes
    ----------
    items : list of Problem
    headings : dict
        (file, sheet) → canonical column → heading of the sheet, which the messages use.
    """

    def __init__(self, headings: dict[tuple[str, str], dict[str, str]] | None = None) -> None:
        self.items: list[Problem] = []
        self.headings = {} if headings is None else dict(headings)

    def add(
        self,
        code: str,
        *,
        file: str = "",
        sheet: str = "",
        row: int | None = None,
        column: str = "",
        value: object = "",
        severity: str = "",
        fix: str = "",
        **values: object,
    ) -> None:
        """Add one problem; severity follows from the code unless it is given.

        ``fix`` is the value that was probably meant; it is applied only when a user asks for it.
        """
        default = "error" if code in ERRORS else "note" if code in NOTES else "warning"
        if isinstance(value, float):
            value = f"{value:g}"
        known = self.headings.get((file, sheet), {})
        named = {k: known.get(str(v), v) for k, v in values.items() if k in NAMES_OF_COLUMNS}
        self.items.append(
            Problem(
                file, sheet, row, column, str(value), code, severity or default,
                {"column": known.get(column, column), "value": value, "fix": fix, **values,
                 **named}, fix=fix,
            )
        )  # fmt: skip

    def count(self, severity: str) -> int:
        """How many problems of one severity."""
        return sum(item.severity == severity for item in self.items)

    def sorted(self) -> list[Problem]:
        """By file and row."""
        return sorted(self.items, key=lambda item: (item.file, item.row or 0, item.code))

    def frame(self, language: str = "en") -> pd.DataFrame:
        """The list as a table.

        Returns
        -------
        pandas.DataFrame
            file, sheet, row, column, value, code, severity (error: the row was refused;
            warning; note), message, suggestion, suggested_value.
        """
        import pandas as pd  # noqa: PLC0415

        rows = [
            (
                item.file, item.sheet, item.row, item.column, item.value, item.code, item.severity,
                item.message(language), item.advice(language), item.fix,
            )
            for item in self.sorted()
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return frame.astype({"row": "Int64"})
