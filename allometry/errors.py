"""Exceptions that carry data and build their own sentence."""

from __future__ import annotations

from collections.abc import Sequence


class AllometryError(Exception):
    """Base of all errors raised by `allometry`; its text is a sentence for the user."""


class UnknownEquation(AllometryError):
    """An equation id that no catalogue file holds.

    Attributes
    ----------
    equation : str
        The id that was asked for.
    candidates : list of str
        The nearest ids.
    total : int
        How many ids there are.
    """

    def __init__(self, equation: str, candidates: Sequence[str], total: int) -> None:
        self.equation = equation
        self.candidates = list(candidates)
        self.total = total
        guess = f" Did you mean {_listed(candidates)}?" if candidates else ""
        super().__init__(
            f"no equation '{equation}'.{guess} `rubbercarbon equations list` shows all {total}."
        )


class MissingInput(AllometryError):
    """An equation was called without an input that it needs.

    Attributes
    ----------
    equation : str
        Its id.
    missing : list of str
        Names of the inputs that it lacks.
    """

    def __init__(self, equation: str, missing: Sequence[str], given: Sequence[str]) -> None:
        self.equation = equation
        self.missing = list(missing)
        super().__init__(
            f"equation '{equation}' needs {_listed(missing)}; given: "
            f"{', '.join(given) or 'nothing'}. Add {_listed(missing)} or choose an equation "
            "without it (`rubbercarbon equations list`)."
        )


class InputShapeError(AllometryError):
    """Arrays that do not fit together."""

    def __init__(self, name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        self.name = name
        super().__init__(
            f"'{name}' has shape {shape}, but the other inputs have shape {expected}; "
            "give one value or as many as there are trees."
        )


class CatalogueError(AllometryError):
    """A catalogue file that breaks the schema; all its faults at once."""

    def __init__(self, file: str, faults: Sequence[str]) -> None:
        self.file = file
        self.faults = list(faults)
        super().__init__(f"{file}: " + "; ".join(faults))


def _listed(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
