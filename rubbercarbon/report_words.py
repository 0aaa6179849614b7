"""Words, numbers, areas and dates of a report, in its language."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from allometry.names import thai_name
from rubbercarbon import messages
from rubbercarbon.columns import BUDDHIST_ERA, M2_PER_HA, M2_PER_NGAN, M2_PER_RAI, RAI_PER_HA
from rubbercarbon.report_blocks import NOTHING, Column, figure

M2_PER_WA = 4.0
# kinds of code whose words are not under [report_values]
SECTIONS = {
    "document": "land_document", "zone": "land_zone", "operator": "operator_type",
    "selection": "plot_selection",
}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """Texts of one language.

    Attributes
    ----------
    language : str
        ``en`` or ``th``.
    """

    language: str

    def text(self, key: str, /, **values: object) -> str:
        """A sentence or label of a report."""
        return messages.text("report", key, self.language, **values)

    def plant(self, species: str) -> str:
        """A plant's accepted name; in Thai after its Thai name, where one is known."""
        spoken = thai_name(species) if self.language == "th" else ""
        return f"{spoken} ({species})" if spoken else species

    def column(
        self, key: str, decimals: int | None = None, /, *, code: bool = False, **values: object
    ) -> Column:
        """A column's head; with ``decimals`` it holds numbers."""
        kind: Literal["text", "number", "code"] = "code" if code else "text"
        label = messages.text("report_columns", key, self.language, **values)
        return Column(label, kind if decimals is None else "number", decimals or 0)

    def value(self, kind: str, code: object) -> str:
        """The word for a code of some kind; the code itself where no word is known."""
        text = "" if code is None else str(code)
        key = re.sub("[^a-z0-9]+", "_", text.lower())
        places = (
            (SECTIONS.get(kind, kind), key), ("report_values", f"{kind}_{key}"),
            ("crediting", f"{kind}_{text}"), ("scenarios", f"{kind}_{key}"),
        )  # fmt: skip
        for section, name in places:
            if messages.has(section, name, self.language):
                return messages.text(section, name, self.language)
        return self.or_unknown(text.replace("_", " "))

    def sentence(self, value: object) -> str:
        """A sentence that a table holds in English; in its own words where it quotes a source."""
        return messages.translated("" if value is None else str(value), self.language)

    def problem(self, code: str) -> str:
        """What a kind of problem says, with dots for what differs from row to row."""
        if not messages.has("problems", code, self.language):
            return code.replace("_", " ")
        return messages.pattern("problems", code, self.language)

    def or_unknown(self, value: object) -> str:
        """A free text, or the word for unknown."""
        text = "" if value is None else str(value).strip()
        return self.text("unknown") if text in {"", "unknown", "nan"} else text

    def amount(self, value: object, unit: str = "", decimals: int = 1) -> str:
        """A figure with its unit, or the word for unknown."""
        found = number(value)
        if found is None:
            return self.text("unknown")
        return figure(found, decimals) + (f" {self.text(unit)}" if unit else "")

    def interval(self, low: object, high: object, decimals: int = 1) -> str:
        """Both ends of an interval; a dash where it is not known."""
        ends = number(low), number(high)
        if ends[0] is None or ends[1] is None:
            return NOTHING
        return self.text("interval", low=figure(ends[0], decimals), high=figure(ends[1], decimals))

    def area(self, hectares: object) -> str:
        """An area in rai-ngan-wa and in hectares."""
        found = number(hectares)
        if found is None:
            return self.text("unknown")
        m2 = round(found * M2_PER_HA / M2_PER_WA) * M2_PER_WA
        rai, rest = divmod(m2, M2_PER_RAI)
        ngan, rest = divmod(rest, M2_PER_NGAN)
        return self.text("area", ha=figure(found, 2), rai=figure(rai, 0), ngan=int(ngan),
                         wa=int(rest / M2_PER_WA))  # fmt: skip

    def year(self, value: object) -> str:
        """A year: Buddhist Era beside Common Era in Thai."""
        found = number(value)
        if found is None:
            return self.text("unknown")
        return self.text("year", ce=int(found), be=int(found) + BUDDHIST_ERA)

    def month(self, month: object, year: object) -> str:
        """Month and year, or what is known of them."""
        found = number(month)
        if found is None:
            return self.year(year)
        name = messages.text("report_values", f"month_{int(found)}", self.language)
        return f"{name} {self.year(year)}"

    def date(self, value: object) -> str:
        """A date written as 2024-03-15; anything else as it stands."""
        text = "" if value is None else str(value)
        try:
            day = dt.date.fromisoformat(text[:10])
        except ValueError:
            return self.or_unknown(text)
        name = messages.text("report_values", f"month_{day.month}", self.language)
        return self.text("date", day=day.day, month=name, be=day.year + BUDDHIST_ERA, ce=day.year,
                         iso=day.isoformat())  # fmt: skip

    def day_or_year(self, value: object) -> str:
        """A date of which only the year, or year and month, may be known."""
        parts = str(value or "").split("-")
        if len(parts) > 2:
            return self.date(value)
        return self.month(parts[1], parts[0]) if len(parts) == 2 else self.year(parts[0])

    def listed(self, parts: Iterable[str], most: int = 6) -> str:
        """Some names, with how many were left out."""
        names = [part for part in dict.fromkeys(parts) if part]
        text = ", ".join(names[:most])
        left = len(names) - most
        return text if left <= 0 else f"{text} {self.text('and_more', count=left)}"


def number(value: object) -> float | None:
    """A figure as float; None for what is empty or no number.

    Examples
    --------
    >>> number("1.5"), number(""), number(float("nan"))
    (1.5, None, None)
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def rai(hectares: object) -> float | None:
    """Hectares as rai."""
    found = number(hectares)
    return None if found is None else found * RAI_PER_HA


def whole(value: Any) -> int:
    """A count; zero for what is empty."""
    return round(number(value) or 0.0)
