"""Clean field sheets, and faults planted into them by a seeded generator."""

import math

import numpy as np
import pandas as pd

HEAD = {
    "plot_id": "รหัสแปลง", "tree_id": "หมายเลขต้น", "species": "ชนิดไม้", "clone": "พันธุ์ยาง",
    "girth_cm": "เส้นรอบวง (ซม.)", "pom_m": "ระดับที่วัด (ม.)", "height_m": "ความสูง (ม.)",
    "count": "จำนวน (ต้น)", "status": "สถานะ", "date": "วันที่สำรวจ",
    "planting_year": "ปีที่ปลูก", "wood_density_g_cm3": "ความหนาแน่นไม้",
}  # fmt: skip


def clean(n=500, seed=1):
    """Rubber and timber on five plots, every value in its place; canonical columns."""
    rng = np.random.default_rng(seed)
    plot = np.repeat([f"P{k}" for k in range(1, 6)], -(-n // 5))[:n]
    rubber = rng.random(n) < 0.8
    dbh = np.where(rubber, rng.normal(20.0, 2.2, n), rng.uniform(14.0, 30.0, n)).clip(12, 34)
    height = np.where(
        rubber, 1.3 + 27.186 * dbh / (16.764 + dbh), np.exp(0.9564 + 0.5193 * np.log(dbh))
    )
    height = height * np.exp(rng.normal(0, 0.07, n))
    number = np.concatenate([np.arange(1, (plot == p).sum() + 1) for p in pd.unique(plot)])
    return pd.DataFrame({
        "plot_id": plot, "tree_id": number.astype(str),
        "species": np.where(rubber, "ยางพารา", "ตะเคียนทอง"),
        "clone": np.where(rubber, "RRIM 600", ""), "girth_cm": (dbh * math.pi).round(1),
        "pom_m": 1.3, "height_m": height.round(1), "count": 1, "status": "มีชีวิต",
        "date": "2567-03-15", "planting_year": 2549, "wood_density_g_cm3": np.where(rubber, 0.5, 0.65),
    }).astype(object)  # fmt: skip


def plots_of(trees, **more):
    names = pd.unique(trees["plot_id"])
    per_rai = 75 * 6.25
    area = [round((trees["plot_id"] == p).sum() / per_rai, 4) for p in names]
    return pd.DataFrame({
        "plot_id": names, "area_ha": area, "spacing": "3x7", "land_document": "โฉนด",
        "latitude": 7.0, "longitude": 100.5, **more,
    })  # fmt: skip


def _set(column, make, code, where=None):
    """A fault: the column, its new value from the old one, and the code that must find it."""
    return {"column": column, "make": make, "code": code, "at": where or column}


ROW_FAULTS = {
    "text": _set("girth_cm", lambda v: "หกสิบห้า", "not_a_number"),
    "comma": _set("girth_cm", lambda v: f"{v}".replace(".", ",") if "." in f"{v}" else "65,4", "decimal_comma"),
    "error cell": _set("height_m", lambda v: "#DIV/0!", "cell_error"),
    "no girth": _set("girth_cm", lambda v: "", "diameter_missing"),
    "negative": _set("girth_cm", lambda v: -v, "diameter_not_positive"),
    "girth in metres": _set("girth_cm", lambda v: round(v / 100, 3), "diameter_in_metres"),
    "girth in mm": _set("girth_cm", lambda v: v * 10, "diameter_in_mm"),
    "huge": _set("girth_cm", lambda v: 90_000, "diameter_too_large"),
    "height lost point": _set("height_m", lambda v: round(v * 10), "height_decimal"),
    "height in cm": _set("height_m", lambda v: round(v * 100), "height_in_cm"),
    "height a tenth": _set("height_m", lambda v: round(v / 10, 2), "height_tenth"),
    "height absurd": _set("height_m", lambda v: 0.35 * v, "height_outlier"),
    "density in kg": _set("wood_density_g_cm3", lambda v: v * 1000, "density_in_kg"),
    "air-dry rubber": _set("wood_density_g_cm3", lambda v: 0.70, "density_air_dry"),
    "density absurd": _set("wood_density_g_cm3", lambda v: 55.0, "density_out_of_range"),
    "tape in cm": _set("pom_m", lambda v: 130, "pom_in_cm"),
    "tape odd": _set("pom_m", lambda v: 4.5, "pom_unusual"),
    "count broken": _set("count", lambda v: 1.5, "count_not_valid"),
    "count large": _set("count", lambda v: 476, "count_large"),
    "no species": _set("species", lambda v: "", "species_missing"),
    "unknown species": _set("species", lambda v: "ต้นไม้ประหลาด", "species_unknown"),
    "misspelt": _set("species", lambda v: "Hevea brasilensis", "species_fuzzy"),
    "status": _set("status", lambda v: "เขียว", "status_unknown"),
    "clone": _set("clone", lambda v: "XYZ 999", "clone_unknown"),
    "planted later": _set("planting_year", lambda v: 2568, "planted_after_survey"),
    "year odd": _set("planting_year", lambda v: 49, "planting_year_odd"),
    "date": _set("date", lambda v: "เมื่อวาน", "date_unreadable"),
    "date ahead": _set("date", lambda v: "2667-03-15", "date_ahead"),
    "plot unknown": _set("plot_id", lambda v: "P77", "plot_unknown"),
    "plot missing": _set("plot_id", lambda v: "", "plot_missing"),
    "tag repeated": _set("tree_id", lambda v: "1", "id_repeated"),
}  # fmt: skip


def plant(trees, names, seed):
    """One fault of each name in rows of their own; returns the table and (row, column, code)."""
    rng = np.random.default_rng(seed)
    rubber = np.flatnonzero(
        (trees["species"] == "ยางพารา").to_numpy() & (trees["tree_id"] != "1").to_numpy()
    )
    rows = rng.choice(rubber, size=len(names), replace=False)
    planted, truth = trees.copy(), []
    for row, name in zip(rows, names, strict=True):
        fault = ROW_FAULTS[name]
        column = planted.columns.get_loc(fault["column"])
        planted.iloc[row, column] = fault["make"](planted.iloc[row, column])
        truth.append((int(row) + 2, fault["at"], fault["code"]))
    return planted, truth
