"""Make the synthetic sample site in ``rubbercarbon/sample``: run it to get the same files again.

Nothing here was measured. Sizes are drawn at random around values that look like smallholdings of
southern Thailand, and a few mistakes that field sheets really contain are put in on purpose.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "rubbercarbon" / "sample"
SEED = 2569
NOTE = "synthetic"
RUBBER = "ยางพารา"

# plot, system, land document, operator, strata's land in rai, what grows there:
# species as written, number, mean girth cm, spread, share with a measured height
PLOTS = (
    (
        "P1",
        "monoculture",
        "โฉนด",
        "new generation farmer",
        12.0,
        2549,
        ((RUBBER, 74, 68.0, 8.0, 0.2),),
    ),
    ("P2", "monoculture", "ส.ป.ก. 4-01", "farmer", 9.0, 2558, ((RUBBER, 78, 42.0, 6.0, 0.2),)),
    (
        "P3",
        "rubber_timber",
        "โฉนด",
        "new generation farmer",
        7.5,
        2549,
        (
            (RUBBER, 62, 70.0, 9.0, 0.2),
            ("ตะเคียนทอง", 18, 38.0, 9.0, 0.5),
            ("Dipterocarpus alatus", 10, 44.0, 10.0, 0.5),
            ("มะฮอกกานีใบใหญ่", 8, 35.0, 8.0, 0.5),
        ),
    ),
    (
        "P4",
        "rubber_fruit",
        "ส.ป.ก. 4-01",
        "farmer",
        6.0,
        2545,
        (
            (RUBBER, 55, 74.0, 10.0, 0.2),
            ("ทุเรียน", 9, 52.0, 12.0, 0.6),
            ("ลองกอง", 14, 33.0, 7.0, 0.6),
            ("มังคุด", 8, 30.0, 6.0, 0.6),
            ("สะตอ", 5, 60.0, 12.0, 0.6),
        ),
    ),
    (
        "P5",
        "mixed_garden",
        "คทช.",
        "community",
        4.0,
        2540,
        (
            (RUBBER, 30, 80.0, 14.0, 0.2),
            ("Artocarpus heterophyllus", 7, 58.0, 12.0, 0.5),
            ("มะม่วง", 5, 62.0, 12.0, 0.5),
            ("Areca catechu", 22, 38.0, 4.0, 1.0),
            ("ไผ่", 16, 22.0, 4.0, 0.0),
            ("กล้วย", 14, 48.0, 7.0, 0.0),
            ("Aquilaria crassna", 6, 28.0, 6.0, 0.5),
        ),
    ),
    (
        "P6",
        "rubber_timber",
        "คทช.",
        "new generation farmer",
        5.0,
        2560,
        (
            (RUBBER, 66, 36.0, 6.0, 0.2),
            ("Hopea odorata", 16, 18.0, 5.0, 0.5),
            ("Tectona grandis", 12, 24.0, 6.0, 0.5),
        ),
    ),
)
PALM = "Areca catechu"  # its equation needs heights
CULMS = {"ไผ่": 8, "กล้วย": 3}
GIRTH_GROWTH = (1.6, 0.5)  # cm a year and its spread, made up like everything here
OTHER_GROWTH = (1.2, 0.5)
INGROWTH = {"P3": ("097", "098"), "P6": ("094",)}
DIED = {"P1-101": "61.0", "P4-101": "72.5", "P5-201": "55.0"}


def _height(rng: np.random.Generator, girth_cm: float) -> float:
    """A height that a person could have read off for such a girth."""
    return 1.3 + 26.0 * (girth_cm / math.pi) / (17.0 + girth_cm / math.pi) * rng.normal(1.0, 0.08)


def trees() -> list[dict[str, str]]:
    """All rows of the tree table, faults included."""
    return _with_faults([dict(row) for row in sound_trees()])


def sound_trees() -> list[dict[str, str]]:
    """The same without faults."""
    rng = np.random.default_rng(SEED)
    rows = []
    for plot, _, _, _, _, year, species in PLOTS:
        number = 0
        for name, count, girth, spread, share in species:
            for _ in range(count):
                number += 1
                size = max(8.0, rng.normal(girth, spread))
                tall = f"{_height(rng, size):.1f}" if rng.random() < share else ""
                rows.append(
                    {
                        "plot_id": plot,
                        "tree_id": f"{plot}-{number:03d}",
                        "species": name,
                        "girth_cm": f"{size:.1f}",
                        "height_m": tall,
                        "count": str(CULMS.get(name, 1)),
                        "status": "alive",
                        "planting_year": str(year) if name == RUBBER else "",
                        "note": NOTE,
                    }
                )
    return rows


def earlier(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same trees two years before: thinner, three more, without new ones."""
    rng = np.random.default_rng(SEED - 2)
    found = []
    for row in rows:
        plot, _, number = row["tree_id"].partition("-")
        if number in INGROWTH.get(plot, ()):
            continue
        size = float(row["girth_cm"])
        grown = max(0.0, rng.normal(*(GIRTH_GROWTH if row["species"] == RUBBER else OTHER_GROWTH)))
        herb = row["species"] in CULMS
        before = size if herb else max(7.0, size - 2.0 * grown)
        tall = f"{0.95 * float(row['height_m']):.1f}" if row["species"] == PALM else ""
        found.append(row | {"girth_cm": f"{before:.1f}", "height_m": tall})
    for tree, girth in DIED.items():
        plot = tree.partition("-")[0]
        found.append(
            found[0]
            | {"plot_id": plot, "tree_id": tree, "species": RUBBER, "girth_cm": girth,
               "planting_year": ""}
        )  # fmt: skip
    return sorted(found, key=lambda row: (row["plot_id"], row["tree_id"]))


def _with_faults(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Mistakes of field sheets, each found by the checks."""
    by_id = {row["tree_id"]: row for row in rows}
    by_id["P1-005"]["girth_cm"] = "7020"  # millimetres and a slip of the pen
    by_id["P1-017"]["girth_cm"] = ""
    by_id["P2-010"]["girth_cm"] = "-41.0"
    by_id["P2-033"]["girth_cm"] = "๔๒.๕"  # Thai digits are read
    by_id["P2-044"]["status"] = "dead"
    by_id["P3-063"]["species"] = "ตะเคียน ทอง"
    by_id["P3-081"]["species"] = "Dipterocarpus alatas"
    by_id["P4-021"]["girth_cm"] = "หกสิบ"
    by_id["P4-056"]["height_m"] = "124"
    by_id["P5-031"]["species"] = "ไม้ไม่ทราบชื่อ"
    rows.insert(rows.index(by_id["P6-002"]), dict(by_id["P6-002"]))
    return rows


def plots() -> list[dict[str, str]]:
    """The plot table: one rai each."""
    return [
        {
            "plot_id": plot,
            "site_id": "Phatthalung demo",
            "stratum": system,
            "area_rai": "1",
            "stratum_area_ha": f"{sum(p[4] for p in PLOTS if p[1] == system) * 0.16:.2f}",
            "system": system,
            "spacing": "3x7 m",
            "plot_selection": "purposive",
            "land_document": document,
            "operator_type": operator,
            "locality": "Phatthalung",
            "note": NOTE,
        }
        for plot, system, document, operator, *_ in PLOTS
    ]


def _write(name: str, rows: list[dict[str, str]]) -> None:
    with (FOLDER / name).open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    _write("trees_2567.csv", earlier(sound_trees()))
    _write("trees.csv", trees())
    _write("plots.csv", plots())
