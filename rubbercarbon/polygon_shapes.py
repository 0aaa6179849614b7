"""Shapes of polygons: read from rings, mended, measured on the ellipsoid."""

from __future__ import annotations

import math
from typing import Any

from rubbercarbon.columns import M2_PER_HA, in_thailand
from rubbercarbon.errors import SiteError
from rubbercarbon.formats.geojson import RINGS, BadRing, Feature, position, ring
from rubbercarbon.problems import Problems


def geo() -> tuple[Any, Any]:
    """Shapely, and the ellipsoid.

    Raises
    ------
    SiteError
        Without the extra.
    """
    try:
        import shapely  # noqa: PLC0415  (extra)
        from pyproj import Geod  # noqa: PLC0415
    except ImportError as error:
        raise SiteError("polygons need two more libraries: pip install shapely pyproj.") from error
    return shapely, Geod(ellps="WGS84")


def name_of(row: dict[Any, Any]) -> str:
    """What a polygon is called: its plot, else its site."""
    return str(row["plot_id"] or row["site_id"])


def report(problems: Problems, file: str, row: dict[str, Any], code: str, **values: Any) -> None:
    """Add a problem of a polygon."""
    problems.add(
        code, file=file, row=row.get("place"), column="polygon", value=name_of(row), **values
    )


def shape_of(
    feature: Feature, keys: dict[str, Any], file: str, problems: Problems, shapely: Any
) -> tuple[Any, str]:
    """A valid shape with its axes and rings in order, and the codes of what was mended."""
    mended: list[str] = []
    if not feature.kind or not feature.coordinates:
        report(problems, file, keys, "polygon_empty")
        return None, ""
    if feature.kind not in {*RINGS, "Point"}:
        report(problems, file, keys, "polygon_wrong_kind", kind=feature.kind[:40])
        return None, ""
    try:
        polygons = _positions(feature, mended)
    except BadRing as bad:
        report(problems, file, keys, bad.code, found=bad.found)
        return None, ""
    points = [point for rings in polygons for one in rings for point in one]
    if all(in_thailand(x, y) and not in_thailand(y, x) for x, y in points):
        polygons = [[[(y, x) for x, y in one] for one in rings] for rings in polygons]
        points = [(y, x) for x, y in points]
        mended.append("polygon_swapped")
    outside = next((f"{x:g}, {y:g}" for x, y in points if abs(y) > 90.0), "")
    if outside:
        report(problems, file, keys, "polygon_not_degrees", found=outside)
        return None, ""
    if feature.kind == "Point":
        shape = shapely.Point(points[0])
    else:
        parts = [shapely.Polygon(rings[0], rings[1:]) for rings in polygons]
        shape = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
        shape = _valid(shape, keys, file, problems, mended, shapely)
        if shape is None:
            return None, ""
    for code in dict.fromkeys(mended):
        if code != "polygon_crossing":  # listed with its area
            report(problems, file, keys, code)
    return shape, ";".join(dict.fromkeys(mended))


def _positions(feature: Feature, mended: list[str]) -> list[list[list[tuple[float, float]]]]:
    """Rings of each polygon; a point as a ring of one."""
    if feature.kind == "Point":
        return [[[position(feature.coordinates)]]]
    whole = [feature.coordinates] if feature.kind == "Polygon" else feature.coordinates
    polygons = []
    for rings in whole if isinstance(whole, list) else [whole]:
        if not isinstance(rings, list) or not rings:
            raise BadRing("polygon_bad_position", repr(rings)[:60])
        closed = []
        for items in rings:
            one, opened = ring(items)
            closed.append(one)
            if opened:
                mended.append("polygon_unclosed")
        polygons.append(closed)
    return polygons


def _valid(
    shape: Any, keys: dict[str, Any], file: str, problems: Problems, mended: list[str], shapely: Any
) -> Any:
    """A valid shape whose outer rings run counter-clockwise; None where nothing is left of it."""
    if not shape.is_valid:
        why = shapely.is_valid_reason(shape)
        shape = only_polygons(shapely.make_valid(shape, method="structure"), shapely)
        if shape is None or not shape.area > 0.0:
            report(problems, file, keys, "polygon_lost")
            return None
        mended.append("polygon_crossing")
        area = f"{area_ha(shape, geo()[1]):.4g}"
        report(problems, file, keys, "polygon_crossing", why=why, area=area)
    turned = shapely.orient_polygons(shape)
    if not turned.equals_exact(shape, 0.0) and "polygon_crossing" not in mended:
        mended.append("polygon_direction")
    return turned


def only_polygons(shape: Any, shapely: Any) -> Any:
    """The polygons of a shape; None where it has none."""
    parts = parts_of(shape)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def parts_of(shape: Any) -> list[Any]:
    """Polygons of a shape of any kind."""
    if shape.geom_type == "Polygon":
        return [] if shape.is_empty else [shape]
    return [part for one in getattr(shape, "geoms", ()) for part in parts_of(one)]


def count_rings(shape: Any) -> int:
    """Rings of a shape, outer and inner."""
    return sum(1 + len(part.interiors) for part in parts_of(shape))


def area_ha(shape: Any, geod: Any) -> float:
    """Geodesic area; NaN for a point."""
    if shape.geom_type == "Point":
        return math.nan
    return float(abs(geod.geometry_area_perimeter(shape)[0])) / M2_PER_HA
