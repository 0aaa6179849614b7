"""Small helpers for pages that are generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def cell(value: object) -> str:
    """One cell of a Markdown table; what is not known is said."""
    text = "" if value is None else str(value)
    for plain, safe in (("|", "\\|"), ("\n", " "), ("<", "&lt;"), ("*", "\\*"), ("_", "\\_")):
        text = text.replace(plain, safe)
    return text.strip() or "unknown"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells that begin with a backtick or a bracket are left as they are."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_ready(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _ready(value: object) -> str:
    return value if isinstance(value, str) and value[:1] in {"`", "["} else cell(value)


def save(path: Path, *parts: str) -> None:
    """Write a page, unless it stands there already (so that nothing is built again for nothing)."""
    text = "\n\n".join(part for part in parts if part) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
