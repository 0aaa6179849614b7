"""What a report format is.

A module of this folder, named after the format, with ``SUFFIX`` (of its files) and
``write(report, path)``, which writes a `rubbercarbon.report_blocks.Report` as it stands: it makes
no text and no figure of its own, and whatever it is given stays text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from rubbercarbon.report_blocks import Report


class ReportFormat(Protocol):
    """One format."""

    SUFFIX: str

    def write(self, report: Report, path: Path) -> None:
        """Write the report to a file."""
