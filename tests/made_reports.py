"""Runs, dossiers and names for tests of reports."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

import rubbercarbon as rc
from rubbercarbon.report_blocks import Facts, Paragraph, Table, shown
from rubbercarbon.sites import make_site

PACKAGE = Path(rc.__file__).parent
SAMPLE = PACKAGE / "sample"
LANGUAGES = ("en", "th")
HOSTILE = (
    "</svg><script>alert(1)</script>",
    "{{7*7}}",
    '#read("/etc/passwd")',
    "=cmd|'/c calc'!A1",
    "$x_{$ \\frac",
    "a\u202eb\u2066c",
    "z" * 10_000,
)
SITE = {
    "site": {"id": "PTL-01", "name": "แปลงสาธิตทดสอบ", "province": "พัทลุง", "latitude": 7.28,
             "longitude": 100.1},
    "operator": {"name": "นางสาวน้ำ เดี่ยวปี่", "type": "smallholder", "new_generation_farmer": "yes"},
    "land": {"document": "spk401", "area_rai": 43, "area_ngan": 2},
    "stand": {"clone": "RRIM 600", "planted_month": 6, "planted_year": 2549, "spacing": "3x7 m",
              "companions": ["ตะเคียนทอง", "ทุเรียน"]},
    "design": {"plot_selection": "purposive", "dbh_threshold_cm": 4.5, "note": "synthetic"},
    "project": {"start": "2024-03-15", "end": "2026-03-20"},
}  # fmt: skip
LINES = (
    ("stock_now", 640.2), ("stock_then", -470.0), ("gross", 170.2), ("baseline", 0.0),
    ("emissions", -3.1), ("leakage", 0.0), ("deduction", -12.5), ("net", 154.6),
)  # fmt: skip
PROGRAMMES = ("t-ver-s-meth-13-06", "vm0047-area")


def hostile_inventory():
    """Plots whose names are markup, formulas, paths and controls."""
    frame = pd.DataFrame({"plot_id": HOSTILE, "tree_id": HOSTILE, "species": "ยางพารา",
                          "girth_cm": 60.0, "plot_area_m2": 40.0})  # fmt: skip
    return rc.read_inventory(frame)


def credit_folder(folder):
    """A run folder of a change, made one of a credit: invented figures in its tables."""
    first = {
        "programme": PROGRAMMES[0], "title": "T-VER S-METH-13-06", "version": "3",
        "text_status": "text_not_verified", "status": "VERIFICATION_READY_ESTIMATE",
        "period_from": "2024-03-15", "period_to": "2026-03-20", "gross_t_co2e": 170.2,
        "baseline_t_co2e": 0.0, "emissions_t_co2e": -3.1, "leakage_t_co2e": 0.0,
        "deduction_t_co2e": -12.5, "buffer_t_co2e": None, "net_t_co2e": 154.6,
        "net_t_co2e_rai_yr": 1.77, "u_programme_percent": 12.0, "u_full_percent": 28.0,
        "drove": "full", "next_step_percent": 3.2, "plots_to_next_step": 4,
        "buffer_state": "unknown",
    }  # fmt: skip
    second = first | {
        "programme": PROGRAMMES[1], "title": "Verra VM0047", "text_status": "transcribed",
        "buffer_t_co2e": -20.4, "net_t_co2e": 134.2, "drove": "programme",
        "buffer_state": "at_least",
    }  # fmt: skip
    tables = {
        "programmes": [first, second],
        "ladder": [
            {"programme": programme, "order": i, "line": line, "value_t_co2e": value,
             "undiscounted_t_co2e": value, "note": ""}
            for programme in PROGRAMMES for i, (line, value) in enumerate(LINES)
        ],
        "conditions": [
            {"programme": PROGRAMMES[0], "kind": "eligibility", "condition": "land_not_forest",
             "state": "met", "detail": "", "source": "T-VER", "grade": "B"},
            {"programme": PROGRAMMES[0], "kind": "land", "condition": "document_accepted",
             "state": "unknown", "detail": HOSTILE[3], "source": "T-VER", "grade": ""},
        ],
        "status_reasons": [
            {"programme": PROGRAMMES[0], "code": "text_not_verified", "detail": "text not seen"}
        ],
        "programme_parameters": [
            {"programme": PROGRAMMES[0], "name": "carbon_fraction", "value": "0.47",
             "unit": "t C/t", "source": "T-VER", "seen": "registry", "grade": "B",
             "text_status": "transcribed"}
        ],
        "alarms": [{"programme": PROGRAMMES[0], "code": "gain_sustained", "detail": "3.9"}],
    }  # fmt: skip
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig")
    dossier = make_site(SITE).model_dump(mode="json")
    (folder / "site.json").write_text(json.dumps(dossier, ensure_ascii=False), encoding="utf-8")
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record["files"] = sorted(path.name for path in folder.iterdir())
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def texts_of(report):
    """Every text that a report shows."""
    yield from (report.title, report.subtitle, report.status)
    for section in report.sections:
        yield section.title
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield block.text
            elif isinstance(block, Facts):
                for fact in block.rows:
                    yield from (fact.label, fact.value, fact.trace)
            elif isinstance(block, Table):
                yield from (block.caption, block.note)
                for row in block.rows:
                    yield from (shown(c, k) for c, k in zip(row, block.columns, strict=True))
            else:
                yield from (block.caption, block.alt)


def first_page(report):
    """Title, status and summary."""
    return " ".join([report.status, *(b.text for b in report.sections[0].blocks
                                      if isinstance(b, Paragraph))])  # fmt: skip


def table_of(report, key):
    """The table of a report with an id."""
    return next(
        b for s in report.sections for b in s.blocks if isinstance(b, Table) and b.id == key
    )
