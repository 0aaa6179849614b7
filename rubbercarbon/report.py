"""A result or a run folder as a report for farmers, officers and reviewers.

The content is made once, from tables (`report_sections`); a renderer (`reports`) writes it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon import __version__, registry
from rubbercarbon.errors import ReportError
from rubbercarbon.messages import LANGUAGES
from rubbercarbon.report_blocks import Report
from rubbercarbon.report_findings import findings, status
from rubbercarbon.report_source import BATCH, ReportSource, report_source
from rubbercarbon.report_words import Words

if TYPE_CHECKING:
    from rubbercarbon.sites import Site

SECTIONS = "report_sections"
FORMATS = "reports"
NAMES = {"xlsx": "workbook"}  # format on the command line: its module
# what a report is of, by the table that tells
KINDS = {
    "portfolio": "sites",
    "batch": BATCH,
    "claim": "programmes",
    "comparison": "summary",
    "change": "change_total",
}
LABELS = (
    "status", "contents", "what", "value", "trace", "numbers", "report_sheet", "inputs_sheet",
    "empty",
)  # fmt: skip


def make_report(source: ReportSource, language: str = "en") -> Report:
    """The content of a report.

    Parameters
    ----------
    source : ReportSource
    language : str
        ``en`` or ``th``.

    Returns
    -------
    Report
    """
    words = Words(language)
    modules = [registry.load(SECTIONS, name) for name in registry.names(SECTIONS)]
    modules.sort(key=lambda module: int(module.PLACE))
    built = [module.build(source, words) for module in modules]
    place = source.group("site")
    kind = next((kind for kind, table in KINDS.items() if source.has(table)), "stock")
    name = str(place.get("name") or place.get("id") or "")
    title = words.text(f"report_{kind}") + (f": {name}" if name else "")
    labels = {key: words.text(key) for key in LABELS}
    labels["made"] = words.text("made", version=source.run.get("versions", {}).get(
        "rubbercarbon", __version__))  # fmt: skip
    labels["cut"] = words.text("rows_left", shown="{shown}", rows="{rows}")
    code = status(source, findings(source, words))
    return Report(
        language=language,
        title=title,
        subtitle=_subtitle(source, words),
        status=words.value("status", code),
        sections=tuple(one for one in built if one is not None),
        tables=_ordered(source.tables),
        record={**source.run, **({"site": source.site} if source.site else {})},
        labels=labels,
    )


def _subtitle(source: ReportSource, words: Words) -> str:
    """Place and period, as far as they are known."""
    place = source.group("site")
    parts = [str(place.get(name) or "") for name in ("subdistrict", "district", "province")]
    parts += _period(source, words)
    return " · ".join(part for part in parts if part) or words.text("subtitle")


def _period(source: ReportSource, words: Words) -> list[str]:
    """Period of a claim, or dates of two surveys; a stock has no period, whatever the dossier."""
    days = list(source.run.get("survey_dates") or []) if source.has("change_total") else []
    if source.has("programmes"):
        first = source.table("programmes").iloc[0]
        days = [str(first.get(f"period_{end}") or "") for end in ("from", "to")]
    if len(days) != 2 or not any(days):
        return []
    return [words.text("period", start=words.date(days[0]), end=words.date(days[1]))]


def _ordered(tables: dict[str, Any]) -> dict[str, Any]:
    """What reviewers look at first comes first."""
    first = ("programmes", "ladder", "conditions", "status_reasons", "alarms",
             "programme_parameters", "total", "plots", "trees", "change_total", "change_plots",
             "change_trees", "summary")  # fmt: skip
    names = [name for name in first if name in tables]
    return {name: tables[name] for name in (*names, *sorted(set(tables) - set(names)))}


def format_of(path: Path, chosen: str | None = None) -> str:
    """The module that writes a file: by the format asked for, else by the file's suffix.

    Raises
    ------
    ReportError
        For a format that there is none of.
    """
    known = {name: name for name in registry.names(FORMATS)}
    known |= {short: name for short, name in NAMES.items() if name in known}
    name = (chosen or path.suffix.lstrip(".")).lower()
    if name not in known:
        allowed = ", ".join(sorted(set(known) - set(NAMES.values())))
        raise ReportError(
            f"reports are not written as '{name or path.name}'; give a file whose name ends in one "
            f"of {allowed}, or use --format."
        )
    return known[name]


def write_report(
    source: object,
    path: str | Path,
    language: str = "en",
    site: Site | dict[str, Any] | str | Path | None = None,
    *,
    file_format: str | None = None,
) -> Path:
    """Write a report of a result or a run folder.

    Parameters
    ----------
    source : Stocks, Change, Comparison, CreditResult, str or Path
        A result, or the run folder it was written to.
    path : str or Path
        Its suffix names the format: .html, .xlsx, .pdf (extra ``pdf``) or .json.
    language : str
        ``en`` or ``th``.
    site : Site, dict, str or Path, optional
        The site's dossier or its TOML file.
    file_format : str, optional
        html, xlsx, pdf or json, whatever the suffix.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ReportError, RunFolderError, SiteError
        For an unknown format or language, or a source or dossier that cannot be read.
    """
    target = Path(path)
    if language not in LANGUAGES:
        raise ReportError(f"reports are in {' or '.join(LANGUAGES)}, not '{language}'.")
    module = registry.load(FORMATS, format_of(target, file_format))
    report = make_report(report_source(source, site=site, language=language), language)
    if not target.parent.is_dir():
        raise ReportError(f"folder '{target.parent}' does not exist; make it first.")
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent) as made:
        fresh = Path(made) / target.name
        module.write(report, fresh)
        fresh.replace(target)
    return target
