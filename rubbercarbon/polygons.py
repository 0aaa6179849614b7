"""Polygons of plots and sites: read, mended, measured on the ellipsoid, compared, written.

Needs the extra ``geo`` (shapely, pyproj).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rubbercarbon import tables
from rubbercarbon.columns import PLOT_COLUMNS, SITE_COLUMNS, in_thailand, rai_text
from rubbercarbon.errors import SiteError
from rubbercarbon.formats.geojson import (
    DECIMALS,
    Feature,
    read_features,
    write_features,
)
from rubbercarbon.formats.interface import RawTable
from rubbercarbon.plots import declared_area
from rubbercarbon.polygon_shapes import (
    area_ha,
    count_rings,
    geo,
    name_of,
    only_polygons,
    parts_of,
    report,
    shape_of,
)
from rubbercarbon.problems import Problems
from rubbercarbon.tables import Source
from rubbercarbon.thresholds import threshold

AREA_DIFFERS = threshold("polygon_area")
OVERLAP = threshold("polygon_overlap")
POLYGON_FROM_HA = threshold("polygon_needed")
COUNTRY = "TH"
KEYS = ("plot_id", "site_id")
EU_NAMES = {"Area": "area_ha", "ProducerName": "operator"}


@dataclass
class Polygons:
    """Polygons (or points) with their areas.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per plot or site: ``plot_id``, ``site_id``, ``operator``, ``kind`` (Polygon,
        MultiPolygon, Point), ``area_ha`` on the ellipsoid of WGS 84 (NaN for points),
        ``area_declared_ha``, ``difference_percent``, ``longitude`` and ``latitude`` of a point
        inside [degrees], ``n_corners``, ``mended`` (codes of what was mended).
    shapes : list of shapely geometries
        In the order of the table; longitude and latitude.
    found_problems : Problems
        The list behind ``problems``.
    """

    table: pd.DataFrame
    shapes: list[Any] = field(repr=False)
    found_problems: Problems = field(repr=False)

    @property
    def problems(self) -> pd.DataFrame:
        """What was mended, left out or doubtful, in English."""
        return self.found_problems.frame()


def read_polygons(path: str | Path, declared: Source | None = None) -> Polygons:
    """Read polygons of plots or sites from GeoJSON, mend them and measure them.

    Parameters
    ----------
    path : str or Path
        Polygon, MultiPolygon, Point, Feature or FeatureCollection in WGS 84; the properties
        ``plot_id`` or ``site_id`` name a feature.
    declared : str, Path, pandas.DataFrame or pyarrow.Table, optional
        Table of plots or sites with their declared areas (rai-ngan-wa, ha); the properties of the
        features otherwise.

    Returns
    -------
    Polygons
        Areas [ha] are geodesic. Unclosed, crossing and wrongly turned rings and swapped axes are
        mended and listed; what cannot be mended is listed and left out.

    Raises
    ------
    SiteError
        Without the extra ``geo``; for a file that cannot be read, in another system of
        coordinates, or without any usable feature.

    References
    ----------
    Karney C.F.F. 2013. Algorithms for geodesics, doi 10.1007/s00190-012-0578-z (area).
    """
    shapely, geod = geo()
    file = Path(path)
    problems = Problems()
    features = read_features(file, problems)
    rows, shapes = [], []
    for feature, keys in zip(features, _keys(features, file.name, problems), strict=True):
        shape, mended = shape_of(feature, keys, file.name, problems, shapely)
        if shape is not None:
            rows.append({**keys, "mended": mended, "place": feature.place})
            shapes.append(shape)
    rows, shapes = _one_each(rows, shapes, file.name, problems, shapely)
    if not shapes:
        first = problems.frame().iloc[0] if problems.items else None
        reason = "" if first is None else f" The first: {first['message']}; {first['suggestion']}."
        raise SiteError(f"'{file.name}' holds no polygon that can be used.{reason}")
    for row, shape in zip(rows, shapes, strict=True):
        inside = shape.representative_point()
        row["kind"] = shape.geom_type
        row["area_ha"] = area_ha(shape, geod)
        row["longitude"], row["latitude"] = inside.x, inside.y
        row["n_corners"] = len(shapely.get_coordinates(shape)) - count_rings(shape)
        if not in_thailand(inside.y, inside.x):
            report(problems, file.name, row, "polygon_outside", found=f"{inside.y:g}, {inside.x:g}")
        if any(part.interiors for part in parts_of(shape)):
            report(problems, file.name, row, "polygon_hole")
    _compare(rows, declared, file.name, problems)
    _overlaps(rows, shapes, file.name, problems, shapely, geod)
    table = pd.DataFrame(rows).drop(columns="place")
    order = ["plot_id", "site_id", "operator", "kind", "area_ha", "area_declared_ha",
             "difference_percent", "longitude", "latitude", "n_corners", "mended"]  # fmt: skip
    return Polygons(table[order], shapes, problems)


def _keys(features: list[Feature], file: str, problems: Problems) -> list[dict[str, Any]]:
    """Ids, operator and declared area of each feature, from properties under any known heading."""
    names = list(dict.fromkeys(str(name) for f in features for name in f.properties))
    cells = [[_cell(f.properties.get(name)) for name in names] for f in features]
    written = EU_NAMES if "ProducerCountry" in names else {}
    frame = pd.DataFrame(cells, columns=[written.get(n, n) for n in names], dtype=object)
    raw = RawTable(frame.loc[:, ~frame.columns.duplicated()], file, "", 1)
    scratch = Problems()
    frame = pd.DataFrame(index=range(len(features)))
    if names:
        raw = replace(raw, frame=raw.frame.assign(note="-"))  # no feature is empty
        frame = tables.canonical(raw, PLOT_COLUMNS, {}, {}, scratch, kind="plots")
        frame = tables.typed(frame, PLOT_COLUMNS, raw, scratch)
        frame["area_declared_ha"] = declared_area(frame, raw, scratch)
    keys = []
    for k, record in enumerate(frame.to_dict("records") if names else [{}] * len(features)):
        own: dict[str, Any] = {name: _text(record.get(name)) for name in (*KEYS, "operator")}
        own["area_declared_ha"] = record.get("area_declared_ha", math.nan)
        own["place"] = features[k].place
        if not any(own[name] for name in KEYS):
            own["plot_id"] = f"feature-{features[k].place}"
            report(problems, file, own, "polygon_without_id")
        keys.append(own)
    return keys


def _cell(value: object) -> object:
    return value if isinstance(value, str | int | float) or value is None else str(value)


def _text(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _one_each(
    rows: list[dict[str, Any]], shapes: list[Any], file: str, problems: Problems, shapely: Any
) -> tuple[list[dict[str, Any]], list[Any]]:
    """One row per id: the same outline twice is left out, other parts are joined."""
    kept: dict[tuple[str, str], int] = {}
    out_rows: list[dict[str, Any]] = []
    out: list[Any] = []
    for row, shape in zip(rows, shapes, strict=True):
        key = (row["plot_id"], row["site_id"])
        if key not in kept:
            kept[key] = len(out)
            out_rows.append(row)
            out.append(shape)
            continue
        first = out[kept[key]]
        if first.equals(shape) or "Point" in {first.geom_type, shape.geom_type}:
            report(problems, file, row, "polygon_repeated")
            continue
        joined = only_polygons(shapely.union(first, shape), shapely)
        out[kept[key]] = shapely.orient_polygons(joined)
        out_rows[kept[key]]["mended"] = ";".join(
            filter(None, [out_rows[kept[key]]["mended"], row["mended"], "polygon_parts"])
        )
        report(problems, file, row, "polygon_parts")
    return out_rows, out


def _compare(
    rows: list[dict[str, Any]], declared: Source | None, file: str, problems: Problems
) -> None:
    """Measured against declared areas, and what the EU asks for above four hectares."""
    if declared is not None:
        areas = _declared(declared, rows, problems)
        for row in rows:
            row["area_declared_ha"] = areas.get(name_of(row), math.nan)
            if name_of(row) not in areas:
                report(problems, file, row, "polygon_without_plot")
        for name in sorted(set(areas) - {name_of(row) for row in rows}):
            problems.add("plot_without_polygon", file=tables.name_of(declared, "plots"),
                         column="plot_id", value=name)  # fmt: skip
    any_known = any(row["area_declared_ha"] > 0 for row in rows)
    if not any_known:
        problems.add("no_area_known", file=file, column="area")
    for row in rows:
        area, known = row["area_ha"], row["area_declared_ha"]
        row["difference_percent"] = 100.0 * (area / known - 1.0) if known > 0 else math.nan
        if math.isnan(area):
            if math.isnan(known):
                report(problems, file, row, "point_without_area")
            elif known > POLYGON_FROM_HA:
                report(problems, file, row, "polygon_needed", area=f"{known:.4g}")
        elif math.isnan(known) and any_known:
            report(problems, file, row, "plot_area_unknown")
        elif known > 0 and abs(area / known - 1.0) > AREA_DIFFERS:
            report(
                problems, file, row, "polygon_area_differs", area=f"{area:.4g}",
                rai=rai_text(area), declared=f"{known:.4g}", declared_rai=rai_text(known),
                difference=f"{row['difference_percent']:+.0f}",
            )  # fmt: skip


def _declared(source: Source, rows: list[dict[str, Any]], problems: Problems) -> dict[str, float]:
    """Declared area of each plot (or site) of a table [ha]."""
    kind = "plots" if any(row["plot_id"] for row in rows) else "sites"
    columns = PLOT_COLUMNS if kind == "plots" else SITE_COLUMNS
    raw = tables.open_table(source, kind, kind)
    scratch = Problems()
    frame = tables.typed(
        tables.canonical(raw, columns, {}, {}, scratch, kind=kind), columns, raw, problems
    )
    key = "plot_id" if kind == "plots" else "site_id"
    if key not in frame:
        raise SiteError(
            f"'{raw.file}' lacks the column {key}; its columns are: "
            f"{', '.join(map(str, raw.frame.columns))}."
        )
    frame["area_declared_ha"] = declared_area(frame, raw, problems)
    frame = frame[(frame[key] != "") & (frame["refused"] == "")]
    return dict(zip(frame[key], frame["area_declared_ha"], strict=True))


def _overlaps(
    rows: list[dict[str, Any]], shapes: list[Any], file: str, problems: Problems, shapely: Any,
    geod: Any,
) -> None:  # fmt: skip
    """Pairs of polygons that share land, by plots and by sites apart."""
    tree = shapely.STRtree(shapes)
    for a, b in zip(*tree.query(shapes, predicate="intersects"), strict=True):
        if a >= b or bool(rows[a]["plot_id"]) != bool(rows[b]["plot_id"]):
            continue
        if math.isnan(rows[a]["area_ha"]) or math.isnan(rows[b]["area_ha"]):
            continue
        if shapes[a].equals(shapes[b]):
            report(problems, file, rows[b], "polygon_same", other=name_of(rows[a]))
            continue
        shared = only_polygons(shapely.intersection(shapes[a], shapes[b]), shapely)
        if shared is None:
            continue
        area = area_ha(shapely.orient_polygons(shared), geod)
        share = area / min(rows[a]["area_ha"], rows[b]["area_ha"])
        if share > OVERLAP:
            report(problems, file, rows[b], "polygon_overlap", other=name_of(rows[a]),
                 area=f"{area:.2g}", share=f"{100 * share:.0f}")  # fmt: skip


def write_geojson(
    polygons: Polygons,
    path: str | Path,
    *,
    country: str = COUNTRY,
    producer: str = "",
    place: str = "",
    anonymise: bool = True,
) -> Path:
    """Write polygons with the properties of the EU's geolocation files.

    Parameters
    ----------
    polygons : Polygons
        From `read_polygons`.
    path : str or Path
        GeoJSON file to write.
    country : str
        ISO 3166 code of two letters.
    producer : str
        ``ProducerName`` of features without an ``operator``.
    place : str
        ``ProductionPlace`` before the plot's id.
    anonymise : bool
        Leave ``ProducerName`` out. The outlines stay: they say where the farm is.

    Returns
    -------
    Path

    Raises
    ------
    SiteError
        Without the extra ``geo``; for a country that is not two letters.

    Notes
    -----
    WGS 84, longitude before latitude, six decimals, outer rings counter-clockwise (RFC 7946);
    ``Area`` in ha, as measured, for points as declared. A shape that six decimals leave without
    area is listed as ``polygon_lost``.
    """
    shapely, _ = geo()
    if len(country) != 2 or not country.isalpha() or not country.isascii():
        raise SiteError(f"country '{country}': give two letters, for example TH.")
    features = []
    for row, shape in zip(polygons.table.to_dict("records"), polygons.shapes, strict=True):
        rounded = shapely.set_precision(shape, 10.0**-DECIMALS)
        if shape.geom_type != "Point":
            rounded = only_polygons(rounded, shapely)
        if rounded is None or rounded.is_empty:
            polygons.found_problems.add("polygon_lost", column="polygon", value=name_of(row))
            continue
        area = row["area_declared_ha"] if math.isnan(row["area_ha"]) else row["area_ha"]
        properties: dict[str, Any] = {
            "ProducerCountry": country.upper(),
            "ProductionPlace": " ".join(part for part in (place, name_of(row)) if part),
        }
        if not math.isnan(area):
            properties["Area"] = round(area, 4)
        name = row["operator"] or producer
        if name and not anonymise:
            properties["ProducerName"] = name
        properties |= {key: row[key] for key in KEYS if row[key]}
        if rounded.geom_type != "Point":
            rounded = shapely.orient_polygons(rounded)
        corners = shapely.geometry.mapping(rounded)["coordinates"]
        features.append(
            {"properties": properties, "kind": rounded.geom_type, "coordinates": corners}
        )
    write_features(features, Path(path))
    return Path(path)
