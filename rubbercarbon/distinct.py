"""Columns of many rows as numbers of their distinct texts: each text is held and judged once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[Any]
Texts = NDArray[Any]


def is_text(column: pd.Series[Any]) -> bool:
    """Whether every cell of a column is text or missing, by its type."""
    import pandas as pd  # noqa: PLC0415  (slow import)

    return isinstance(column.dtype, pd.StringDtype)


def coded(column: pd.Series[Any]) -> tuple[Codes, Texts]:
    """Number of each row's text, and the texts; the last is empty, for missing cells.

    Examples
    --------
    >>> import pandas as pd
    >>> codes, texts = coded(pd.Series(["a", None, "b", "a"]))
    >>> codes.tolist(), texts.tolist()
    ([0, 2, 1, 0], ['a', 'b', ''])
    """
    import pandas as pd  # noqa: PLC0415  (slow import)

    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, known = column.cat.codes.to_numpy(dtype=np.intp), column.cat.categories
    else:
        plain = column if is_text(column) else column.astype(object).fillna("").astype(str)
        codes, known = pd.factorize(plain)
    texts = np.empty(len(known) + 1, dtype=object)
    texts[:] = [*map(str, known), ""]
    codes[codes < 0] = len(known)
    return codes, texts


def texts(column: pd.Series[Any]) -> Texts:
    """The texts of a column, equal ones being one object; missing ones are empty."""
    codes, known = coded(column)
    return known[codes]


def mapped(column: pd.Series[Any], make: Callable[[str], Any]) -> Texts:
    """What a function makes of each text of a column, called once for each distinct one."""
    codes, known = coded(column)
    made = np.empty(len(known), dtype=object)
    made[:] = [make(str(text)) for text in known]
    return made[codes]


def category(codes: Codes, known: Texts) -> pd.Categorical:
    """Texts as categories, which are in order and without repeats."""
    import pandas as pd  # noqa: PLC0415  (slow import)

    unique, number = np.unique(known.astype(str), return_inverse=True)
    make: Any = pd.Categorical  # its stubs know no arrays of codes
    found: pd.Categorical = make.from_codes(number[codes], [str(text) for text in unique])
    return found


def compact(frame: pd.DataFrame) -> None:
    """Make texts that repeat categories, in place: a byte or four for each row."""
    for name in frame.columns:
        if not is_text(frame[name]) and frame[name].dtype != object:
            continue
        codes, known = coded(frame[name])
        if len(known) * 2 < len(codes):
            frame[name] = category(codes, known)


def flags(column: pd.Series[Any], test: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Which texts of a column pass a test, made once for each distinct one."""
    codes, known = coded(column)
    return np.array([test(str(text)) for text in known], dtype=np.bool_)[codes]


@dataclass(frozen=True)
class Coded:
    """A text of every row, as small numbers of the distinct ones.

    Examples
    --------
    >>> column = Coded.of(np.array(["a", "b", "a"], dtype=object))
    >>> column[np.array([0, 1])].tolist(), column.equals("a").tolist()
    (['a', 'b'], [True, False, True])
    """

    codes: Codes
    known: Texts

    @classmethod
    def of(cls, column: Texts) -> Coded:
        """From one text for each row."""
        import pandas as pd  # noqa: PLC0415  (slow import)

        codes, known = pd.factorize(column)
        return cls(codes.astype(np.min_scalar_type(len(known))), np.asarray(known, dtype=object))

    @classmethod
    def same(cls, text: str, count: int) -> Coded:
        """One text for all rows."""
        return cls(np.zeros(count, dtype=np.uint8), np.array([text], dtype=object))

    def __getitem__(self, rows: Any) -> Any:
        """Texts of some rows, or the text of one."""
        return self.known[self.codes[rows]]

    def equals(self, text: str) -> NDArray[np.bool_]:
        """Whether rows have a text."""
        return np.asarray(self.known == text, dtype=np.bool_)[self.codes]
