"""Texts in Thai and English, kept in ``texts/<language>.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from allometry.errors import UnknownEquation
from rubbercarbon.errors import RubbercarbonError

LANGUAGES = ("en", "th")
MOST_WORDS_OF_A_NAME = 3  # before a colon: an id, or a plant's name
ENDS = ("low", "high")  # of an interval: numbers, and no words of a sentence with "to" in it
_NUMBER = r"[-+−]?\d[\d.,]*(?:e[-+]?\d+)?(?: ?%)?"
Failure = TypeVar("Failure", bound=RubbercarbonError)


@functools.cache
def _catalogue(language: str) -> dict[str, Any]:
    path = Path(__file__).parent / "texts" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def text(section: str, key: str, language: str = "en", /, **values: object) -> str:
    """One text with its values filled in.

    Parameters
    ----------
    section, key : str
        As in the TOML files.
    language : str
        ``en`` or ``th``.
    **values
        What the text's ``{names}`` stand for.

    Returns
    -------
    str
    """
    found = _catalogue(language)[section][key]
    plain = {k: v.text(language) if isinstance(v, Words) else v for k, v in values.items()}
    return str(found).format(**plain)


@dataclass(frozen=True)
class Words:
    """A text within a text, in the language of that."""

    section: str
    key: str
    values: dict[str, object] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """The words in a language."""
        return text(self.section, self.key, language, **self.values)


def failure(kind: type[Failure], key: str, /, *more: object, **values: object) -> Failure:
    """An exception with a text of the section ``failures``, which can be said in any language.

    Parameters
    ----------
    kind : type
    key : str
    *more
        Further arguments of the exception.
    **values
        What the text's ``{names}`` stand for.

    Examples
    --------
    >>> from rubbercarbon.errors import InventoryError
    >>> error = failure(InventoryError, "no_rows", file="a.csv")
    >>> print(error)
    'a.csv' has a heading but no rows.
    >>> print(spoken(error, "th"))
    'a.csv' มีหัวตารางแต่ไม่มีข้อมูล
    """
    error = kind(text("failures", key, "en", **values), *more)
    error.said = (key, values)
    return error


def spoken(error: Exception, language: str) -> str:
    """What an error says, in a language where the catalogue has it; else in English."""
    said = _said(error)
    return str(error) if said is None else text("failures", said[0], language, **said[1])


def words_of(error: Exception) -> Words:
    """What an error says, to be put into a text of any language."""
    said = _said(error)
    return Words("failures", *(said or ("as_said", {"why": str(error)})))


def _said(error: Exception) -> tuple[str, dict[str, object]] | None:
    """Key and values of an error's text, of one that `allometry` raises too; None without."""
    if isinstance(error, UnknownEquation):
        near = ", ".join(f"'{name}'" for name in error.candidates)
        guess = Words("failures", "option_guess", {"names": near}) if near else ""
        return "no_equation", {"name": error.equation, "guess": guess, "total": error.total}
    said: tuple[str, dict[str, object]] | None = getattr(error, "said", None)
    return said


def takes(section: str, key: str, language: str, name: str, /) -> bool:
    """Whether a text has a place for a value of some name."""
    return f"{{{name}}}" in str(_catalogue(language)[section][key])


def pattern(section: str, key: str, language: str = "en", /) -> str:
    """One text with dots where its values would stand.

    Examples
    --------
    >>> pattern("problems", "plot_empty")
    "plot '…' has no tree"
    """
    return re.sub(r"\{[^{}]*\}", "…", str(_catalogue(language)[section][key]))


def has(section: str, key: str, language: str = "en") -> bool:
    """Whether there is such a text."""
    return key in _catalogue(language).get(section, {})


def keys(section: str, language: str = "en") -> tuple[str, ...]:
    """Keys of a section, for tests that compare the languages."""
    return tuple(_catalogue(language)[section])


@functools.cache
def _sentences(language: str) -> tuple[dict[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """Whole sentences, and those with values in them as patterns, the most words first."""
    path = Path(__file__).parent / "texts" / f"sentences_{language}.toml"
    if not path.is_file():
        return {}, ()
    found = tomllib.loads(path.read_text(encoding="utf-8"))["sentences"]
    open_ones = [one for one in found if "{" in one]
    open_ones.sort(key=lambda one: -len(re.sub(r"\{\w+\}", "", one)))
    patterns = []
    for one in open_ones:
        parts = re.split(r"\{(\w+)\}", one)
        made = "".join(
            f"(?P<{part}>{_NUMBER if part in ENDS else '.+?'})" if i % 2 else re.escape(part)
            for i, part in enumerate(parts)
        )
        patterns.append((re.compile(made), found[one]))
    return found, tuple(patterns)


def translated(text: str, language: str) -> str:
    """An English sentence of a result table in another language; as it is where none is known.

    Examples
    --------
    >>> translated("360 rows", "th"), translated("hevea_ensemble: species equation", "th")
    ('360 แถว', 'hevea_ensemble: สมการของชนิดนั้น')
    """
    found, patterns = _sentences(language)
    if text in found:
        return found[text]
    for pattern, said in patterns:
        match = pattern.fullmatch(text)
        if match:
            return said.format(**match.groupdict())
    head, colon, rest = text.partition(": ")
    if colon and len(head.split()) <= MOST_WORDS_OF_A_NAME:
        known = translated(rest, language)
        return text if known == rest else f"{head}: {known}"
    return text
