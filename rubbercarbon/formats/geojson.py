"""GeoJSON: features of a file, rings mended, and features written with the EU's properties."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rubbercarbon.errors import SiteError
from rubbercarbon.problems import Problems

WGS84 = ("CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4979", "WGS84", "WGS 84")
DECIMALS = 6  # of degrees, about 0.1 m; the EU's system takes six
LARGEST_BYTES = 200_000_000
RINGS = {"Polygon", "MultiPolygon"}


@dataclass(frozen=True)
class Feature:
    """One feature as read: longitude and latitude of its rings, or of its one point.

    Attributes
    ----------
    place : int
        Position in the file, from 1.
    properties : dict
    kind : str
        ``Polygon``, ``MultiPolygon``, ``Point``, or what else it is.
    coordinates : object
        As in the file.
    """

    place: int
    properties: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    coordinates: Any = None


def read_features(path: Path, problems: Problems) -> list[Feature]:
    """Features of a file.

    Raises
    ------
    SiteError
        For a file that is missing, no JSON, no GeoJSON, or in another system of coordinates.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise SiteError(f"'{path.name}' is larger than 200 MB; split it by province.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SiteError(f"file '{path.name}' cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SiteError(
            f"file '{path.name}' is not UTF-8 text; save it again as GeoJSON."
        ) from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SiteError(
            f"file '{path.name}' is not JSON: {error}. Save the map again as GeoJSON (a shapefile "
            "or KML must be converted first)."
        ) from error
    if not isinstance(content, dict) or "type" not in content:
        raise SiteError(f"file '{path.name}' is JSON, but no GeoJSON: it has no \"type\".")
    _check_crs(content, path.name)
    features = list(_features(content, path.name, problems))
    if not features:
        raise SiteError(f"file '{path.name}' holds no feature; draw the plots and save it again.")
    return features


def _check_crs(content: dict[str, Any], file: str) -> None:
    """Refuse a named system of coordinates that is not WGS 84."""
    crs = content.get("crs")
    if not crs:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name") if isinstance(properties, dict) else crs)
    if not name.upper().endswith(tuple(n.upper() for n in WGS84)):
        raise SiteError(
            f"'{file}' is in the coordinates '{name[:80]}'; save the map in WGS 84 degrees "
            "(EPSG:4326). In QGIS: Export, Save Features As, CRS EPSG:4326."
        )


def _features(content: dict[str, Any], file: str, problems: Problems) -> Iterator[Feature]:
    kind = content["type"]
    if kind == "FeatureCollection":
        items = content.get("features")
        if not isinstance(items, list):
            raise SiteError(f"'{file}' is a FeatureCollection without a list of features.")
    else:
        items = [content if kind == "Feature" else {"type": "Feature", "geometry": content}]
    for place, item in enumerate(items, start=1):
        if not isinstance(item, dict) or item.get("type") != "Feature":
            problems.add("polygon_no_feature", file=file, row=place, value=place,
                         why=repr(item)[:60])  # fmt: skip
            continue
        properties = item.get("properties")
        geometry = item.get("geometry")
        geometry = geometry if isinstance(geometry, dict) else {}
        yield Feature(
            place,
            properties if isinstance(properties, dict) else {},
            str(geometry.get("type") or ""),
            geometry.get("coordinates"),
        )


class BadRing(ValueError):
    """A ring that cannot be used; carries the code of the problem and what was found."""

    def __init__(self, code: str, found: str) -> None:
        self.code, self.found = code, found
        super().__init__(f"{code}: {found}")


def position(item: object) -> tuple[float, float]:
    """Longitude and latitude of a position; a height behind them is left out.

    Raises
    ------
    BadRing
    """
    if not isinstance(item, list) or len(item) < 2:
        raise BadRing("polygon_bad_position", repr(item)[:60])
    x, y = item[:2]
    for value in (x, y):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRing("polygon_bad_position", repr(item)[:60])
        if not math.isfinite(value):
            raise BadRing("polygon_bad_position", repr(item)[:60])
    if max(abs(x), abs(y)) > 180.0 or min(abs(x), abs(y)) > 90.0:
        raise BadRing("polygon_not_degrees", f"{x:g}, {y:g}")
    return float(x), float(y)


def ring(items: object) -> tuple[list[tuple[float, float]], bool]:
    """Positions of a closed ring, and whether it had to be closed.

    Raises
    ------
    BadRing
    """
    if not isinstance(items, list):
        raise BadRing("polygon_bad_position", repr(items)[:60])
    points = [position(item) for item in items]
    if len(set(points)) < 3:
        raise BadRing("polygon_too_short", str(len(set(points))))
    opened = points[0] != points[-1]
    return ([*points, points[0]] if opened else points), opened


def write_features(features: list[dict[str, Any]], path: Path) -> None:
    """Write features; positions have six decimals, written out.

    Parameters
    ----------
    features : list of dict
        ``properties``, ``kind``, ``coordinates`` (nested lists of pairs).
    path : Path
    """
    lines = [
        '{"type": "Feature", "properties": '
        + json.dumps(feature["properties"], ensure_ascii=False)
        + f', "geometry": {{"type": "{feature["kind"]}", "coordinates": '
        + _coordinates(feature["coordinates"])
        + "}}"
        for feature in features
    ]
    text = '{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, encoding="utf-8")


def _coordinates(item: Any) -> str:
    if isinstance(item, int | float):
        return f"{item:.{DECIMALS}f}"
    return "[" + ", ".join(_coordinates(part) for part in item) + "]"
