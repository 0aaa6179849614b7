"""Texts in Thai and English, kept in ``texts/<language>.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "th")


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
    return str(found).format(**values)


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
