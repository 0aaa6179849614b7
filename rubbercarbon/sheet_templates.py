"""The field sheet (a workbook) and the form for phones (an XLSForm), from one list of columns."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

from allometry.names import species_table
from rubbercarbon.columns import CLONES
from rubbercarbon.site_words import LISTED_DOCUMENTS, label

FILE = Path(__file__).parent / "templates" / "inventory.toml"
ROWS = 2000
SHEETS = {"th": ("แปลง", "ต้นไม้", "วิธีวัด"), "en": ("plots", "trees", "how to measure")}
STATUSES = {"th": ("มีชีวิต", "ตาย", "ตัด", "หาย"), "en": ("alive", "dead", "cut", "missing")}
FIRST_SPECIES = ("Hevea brasiliensis",)
FORM_TYPES = {"text": "text", "integer": "integer", "decimal": "decimal", "date": "date"}


def columns(sheet: str) -> list[dict[str, Any]]:
    """What a sheet asks for, in order."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return list(table[sheet])


def choices(language: str) -> dict[str, list[str]]:
    """Lists of the drop-downs."""
    return {
        "species": species_names(language),
        "clones": list(CLONES),
        "land_documents": [label("land_document", c, language) for c in LISTED_DOCUMENTS],
        "statuses": list(STATUSES[language]),
    }


def species_names(language: str) -> list[str]:
    """Names of the species table, rubber first; in Thai where a seen Thai name exists."""
    from allometry.catalogue.loader import read_csv  # noqa: PLC0415

    names = {}
    for row in read_csv("species.csv"):
        thai = row["thai_names"].split(";")
        seen = row["thai_names_status"].split(";")
        local = next((t for t, s in zip(thai, seen, strict=True) if s == "seen"), "")
        names[row["species"]] = local if language == "th" and local else row["species"]
    first = [names[name] for name in FIRST_SPECIES]
    return first + sorted(set(names.values()) - set(first))


def write_workbook(path: Path, language: str) -> None:
    """The field sheet: plots, trees, how to measure; units fixed, lists to choose from.

    Parameters
    ----------
    path : Path
    language : {'th', 'en'}
    """
    import xlsxwriter  # noqa: PLC0415  (slow import)

    with xlsxwriter.Workbook(str(path)) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDF0E4", "text_wrap": True, "border": 1,
                                "valign": "vcenter"})  # fmt: skip
        needed = book.add_format({"bold": True, "bg_color": "#9FD8B4", "text_wrap": True,
                                  "border": 1, "valign": "vcenter"})  # fmt: skip
        example = book.add_format({"italic": True, "font_color": "#808080"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": "@"})
        sheets = {
            kind: book.add_worksheet(name)
            for kind, name in zip(("plots", "trees", "howto"), SHEETS[language], strict=True)
        }
        lists = book.add_worksheet("lists")
        lists.hide()
        ranges = {}
        for k, (name, values) in enumerate(choices(language).items()):
            lists.write_column(0, k, values)
            letter = chr(ord("A") + k)
            ranges[name] = f"=lists!${letter}$1:${letter}${len(values)}"
        for kind in ("plots", "trees"):
            sheet = sheets[kind]
            sheet.set_row(0, 34)
            for k, column in enumerate(columns(kind)):
                sheet.write_string(0, k, column[language], needed if column.get("needed") else head)
                sheet.set_column(k, k, max(len(column[language]) + 3, 13),
                                 text if column["kind"] == "text" else None)  # fmt: skip
                sheet.write(1, k, column["example"], example)
                help_text = column[f"help_{language}"]
                rule = _rule(column, ranges)
                if help_text:
                    rule |= {"input_title": column[language][:32], "input_message": help_text[:250]}
                sheet.data_validation(1, k, ROWS, k, rule)
            sheet.freeze_panes(1, 0)
        table = tomllib.loads(FILE.read_text(encoding="utf-8"))
        sheets["howto"].set_column(0, 0, 100)
        for line, sentence in enumerate(table["measuring"][language]):
            sheets["howto"].write_string(line, 0, f"{line + 1}. {sentence}", plain)
        sheets["trees"].activate()


def write_sites(path: Path, language: str) -> None:
    """The list of sites of a portfolio: headings and one row to write over.

    Parameters
    ----------
    path : Path
    language : {'th', 'en'}
    """
    asked = columns("sites")
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(column[language] for column in asked)
        table.writerow(column["example"] for column in asked)


def _rule(column: dict[str, Any], ranges: dict[str, str]) -> dict[str, Any]:
    """Rule of a column's cells: a range or a list; names of species may be typed."""
    if column["kind"] == "choice":
        kind = "information" if column.get("free") else "warning"
        return {"validate": "list", "source": ranges[column["choices"]], "error_type": kind}
    if column["kind"] in {"integer", "decimal"}:
        return {"validate": column["kind"], "criteria": "between", "minimum": column["low"],
                "maximum": column["high"], "error_type": "warning"}  # fmt: skip
    return {"validate": "any"}


def write_form(path: Path) -> None:
    """The XLSForm for KoboToolbox and ODK: a plot, and in it a repeat of trees; Thai and English.

    Parameters
    ----------
    path : Path
    """
    import xlsxwriter  # noqa: PLC0415  (slow import)

    th, en = "label::ไทย (th)", "label::English (en)"
    rows: list[dict[str, Any]] = [
        {"type": "begin_group", "name": "plot", th: "แปลง", en: "Plot"},
        *(_question(column) for column in columns("plots")),
        {"type": "end_group"},
        {"type": "begin_repeat", "name": "tree", th: "ต้นไม้", en: "Tree"},
        *(_question(column) for column in columns("trees") if column["name"] != "plot_id"),
        {"type": "end_repeat"},
    ]
    listed = []
    thai, english = choices("th"), choices("en")
    for name in ("clones", "land_documents", "statuses"):
        for k, (a, b) in enumerate(zip(thai[name], english[name], strict=True)):
            value = english[name][k] if name != "land_documents" else LISTED_DOCUMENTS[k]
            listed.append({"list_name": name, "name": value.replace(" ", "_"), th: a, en: b})
    listed += [
        {
            "list_name": "species",
            "name": name.replace(" ", "_").rstrip("."),
            th: _thai(name),
            en: name,
        }
        for name in species_table()
    ]
    with xlsxwriter.Workbook(str(path)) as book:
        _sheet(book, "survey", rows)
        _sheet(book, "choices", listed)
        _sheet(book, "settings", [{"form_title": "rubbercarbon", "form_id": "rubbercarbon",
                                   "default_language": "ไทย (th)"}])  # fmt: skip


def _thai(name: str) -> str:
    from allometry.catalogue.loader import read_csv  # noqa: PLC0415

    row = next(row for row in read_csv("species.csv") if row["species"] == name)
    return row["thai_names"].split(";")[0] or name


def _question(column: dict[str, Any]) -> dict[str, Any]:
    kind = column["kind"]
    question = {
        "type": f"select_one {column['choices']}" if kind == "choice" else FORM_TYPES[kind],
        "name": column["name"],
        "label::ไทย (th)": column["th"],
        "label::English (en)": column["en"],
        "hint::ไทย (th)": column["help_th"],
        "hint::English (en)": column["help_en"],
        "required": "yes" if column.get("needed") and "low" not in column else "",
    }
    if "low" in column:
        question["constraint"] = f". >= {column['low']} and . <= {column['high']}"
    return question


def _sheet(book: Any, name: str, rows: list[dict[str, Any]]) -> None:
    sheet = book.add_worksheet(name)
    heads = list(dict.fromkeys(key for row in rows for key in row))
    sheet.write_row(0, 0, heads)
    for line, row in enumerate(rows, start=1):
        for k, head in enumerate(heads):
            sheet.write_string(line, k, str(row.get(head, "")))
