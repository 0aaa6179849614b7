"""What was assumed, defaulted or not covered: a table that every result carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allometry.catalogue.loader import get_equation

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("topic", "assumption", "value", "unit", "applies_to", "source", "grade")


@dataclass
class Assumptions:
    """Collects assumption rows in the order in which a reader meets them."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self,
        topic: str,
        assumption: str,
        value: object = "",
        *,
        unit: str = "",
        applies_to: str = "",
        source: str = "",
        grade: str = "",
    ) -> None:
        """Add one row; a row that is there already is not repeated."""
        row = (topic, assumption, str(value), unit, applies_to, source, grade)
        if row not in self.rows:
            self.rows.append(row)

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame(self.rows, columns=list(COLUMNS))

    def add_equation(self, equation_id: str, count: int) -> None:
        """What an equation's record leaves open, and what it says of its pools."""
        record = get_equation(equation_id)
        whom = _trees(count)
        source = record.source.citation
        if record.bias == "unknown":
            self.add(
                "back-transformation",
                f"{equation_id}: not known whether its coefficients hold "
                "the correction from the log scale; none was applied",
                "1",
                unit="factor",
                applies_to=whom,
                source=source,
                grade=record.grade,
            )
        elif record.bias == "apply":
            self.add(
                "back-transformation",
                f"{equation_id}: multiplied by exp(s^2/2)",
                record.residual.value,
                unit="sd of ln",
                applies_to=whom,
                source=source,
                grade=record.grade,
            )
        if record.grade == "C":
            self.add(
                "grade C",
                f"{equation_id}: doubtful source used because nothing better was "
                "found; results that rest on it are at most a project estimate",
                "C",
                applies_to=whom,
                source=source,
                grade="C",
            )
        if record.range.kind == "unknown":
            self.add(
                "range",
                f"{equation_id}: calibration range not known",
                "unknown",
                applies_to=whom,
                source=source,
                grade=record.grade,
            )
        if record.note:
            self.add(
                "note of the record",
                f"{equation_id}: {record.note}",
                applies_to=whom,
                source=source,
                grade=record.grade,
            )


def _trees(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
