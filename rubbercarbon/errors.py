"""Exceptions that end a run with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubbercarbon.problems import Problems


class RubbercarbonError(Exception):
    """Base of all errors raised by `rubbercarbon`; its text is what a user reads.

    Attributes
    ----------
    said : tuple or None
        Key and values of the text in the message catalogue, for other languages.
    """

    said: tuple[str, dict[str, object]] | None = None


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


class UnreadableFile(RubbercarbonError):
    """A file of a batch that cannot be read to its end; the text says why.

    Attributes
    ----------
    file : str
        Its name in the input.
    """

    file: str = ""


class SettingsError(RubbercarbonError):
    """Settings that cannot be used."""


class SiteError(RubbercarbonError):
    """A site's dossier or polygon that cannot be used."""


class EngineError(RubbercarbonError):
    """An engine of batches that cannot go on; parts that are done stay."""


class RunFolderError(RubbercarbonError):
    """A folder that cannot be written to or read as a run."""


class ScenarioError(RubbercarbonError):
    """A scenario or price file with faults; nothing was computed.

    Attributes
    ----------
    name : str
    faults : list of str
        Each with the line it stands on, where there is one.
    """

    def __init__(self, name: str, faults: list[str]) -> None:
        self.name = name
        self.faults = faults
        lines = "\n  ".join(faults)
        super().__init__(
            f"'{name}': {faults[0]}." if len(faults) == 1
            else f"'{name}' has {len(faults)} faults:\n  {lines}"
        )  # fmt: skip


class ReportError(RubbercarbonError):
    """A report that cannot be made or written."""
