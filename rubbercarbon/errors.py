"""Exceptions that end a run with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubbercarbon.problems import Problems


class RubbercarbonError(Exception):
    """Base of all errors raised by `rubbercarbon`; its text is what a user reads."""


class InventoryError(RubbercarbonError):
    """An inventory of which nothing can be computed.

    Attributes
    ----------
    found_problems : Problems or None
        The rows that were refused and why.
    """

    def __init__(self, message: str, problems: Problems | None = None) -> None:
        self.found_problems = problems
        super().__init__(message)


class SettingsError(RubbercarbonError):
    """Settings that cannot be used."""


class RunFolderError(RubbercarbonError):
    """A folder that cannot be written to or read as a run."""
