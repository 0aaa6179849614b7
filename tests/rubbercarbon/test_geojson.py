"""Polygons: areas by another route, mended rings, faults, the EU's properties, round trip."""

from __future__ import annotations

import builtins
import contextlib
import itertools
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import rubbercarbon as rc
from rubbercarbon.cli import main
from rubbercarbon.errors import SiteError
from rubbercarbon.formats.geojson import BadRing, position, ring

A, F = 6_378_137.0, 1.0 / 298.257223563  # WGS 84


def square(x=100.0, y=7.0, side=0.002):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def feature(*rings, kind="Polygon", **properties):
    coordinates = list(rings) if kind == "Polygon" else rings[0]
    return {"type": "Feature", "properties": properties,
            "geometry": {"type": kind, "coordinates": coordinates}}  # fmt: skip


def write(path, *features, **more):
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features, **more}, ensure_ascii=False),
        "utf-8",
    )
    return path


def codes(found):
    return found.problems["code"].tolist()


def authalic_area_ha(points):
    """Area by an equal-area map of the ellipsoid and the shoelace (Snyder 1987, eq. 3-12, 3-13)."""
    e2 = F * (2.0 - F)
    e = math.sqrt(e2)
    q = [(1 - e2) * (math.sin(v) / (1 - e2 * math.sin(v) ** 2)
         - math.log((1 - e * math.sin(v)) / (1 + e * math.sin(v))) / (2 * e))
         for v in (math.radians(p[1]) for p in points)]  # fmt: skip
    x = [A * math.radians(p[0]) for p in points]
    y = [A * v / 2.0 for v in q]
    return abs(sum(x[i] * y[i + 1] - x[i + 1] * y[i] for i in range(len(x) - 1))) / 2.0 / 1e4


class TestAreas:
    @pytest.mark.parametrize("latitude", [5.7, 7.0, 13.75, 20.3])
    def test_geodesic_area_equals_the_equal_area_map(self, tmp_path, latitude):
        outline = square(100.5, latitude, 0.003)
        found = rc.read_polygons(write(tmp_path / "p.geojson", feature(outline, plot_id="A")))
        assert found.table["area_ha"].iloc[0] == pytest.approx(authalic_area_ha(outline), rel=1e-6)

    def test_a_hole_is_not_land(self, tmp_path):
        hole = square(100.0005, 7.0005, 0.0005)
        found = rc.read_polygons(
            write(tmp_path / "p.geojson", feature(square(), hole, plot_id="A"))
        )
        expected = authalic_area_ha(square()) - authalic_area_ha(hole)
        assert found.table["area_ha"].iloc[0] == pytest.approx(expected, rel=1e-6)
        assert "polygon_hole" in codes(found)
        assert "polygon_direction" in codes(found)

    def test_declared_areas_in_rai_from_a_table(self, tmp_path):
        area = authalic_area_ha(square())
        path = write(tmp_path / "p.geojson", feature(square(), plot_id="A"), feature(square(100.1), plot_id="B"),
                     feature(square(100.2), plot_id="C"))  # fmt: skip
        plots = pd.DataFrame(
            {
                "รหัสแปลง": ["A", "B", "D"],
                "ไร่": [area / 0.16, 20, 5],
                "งาน": [0, 2, 0],
                "ตารางวา": [0, 75, 0],
            }
        )
        found = rc.read_polygons(path, plots)
        assert found.table["area_declared_ha"].tolist()[:2] == pytest.approx([area, 3.31])
        assert found.table["difference_percent"].iloc[1] == pytest.approx(
            100 * (area / 3.31 - 1), abs=1e-3
        )
        problems = found.problems.set_index("code")
        assert problems.loc["polygon_area_differs", "value"] == "B"
        message = problems.loc["polygon_area_differs", "message"]
        assert "20-2-75" in message
        assert "3.31 ha" in message
        assert problems.loc["polygon_without_plot", "value"] == "C"
        assert problems.loc["plot_without_polygon", "value"] == "D"

    def test_declared_areas_of_sites_and_of_properties(self, tmp_path):
        path = write(
            tmp_path / "p.geojson",
            feature(square(), site_id="A", เนื้อที่="30-1-50"),
            feature(square(100.1), site_id="B"),
        )
        found = rc.read_polygons(path)
        assert found.table["area_declared_ha"].iloc[0] == pytest.approx(4.86)
        sites = pd.DataFrame({"site_id": ["A", "B"], "area_rai": [31, 31], "operator": ["x", "y"]})
        found = rc.read_polygons(path, sites)
        assert found.table["area_declared_ha"].tolist() == pytest.approx([4.96, 4.96])
        with pytest.raises(SiteError, match="lacks the column site_id"):
            rc.read_polygons(path, pd.DataFrame({"name": ["A"], "area_rai": [1]}))

    def test_the_file_is_json_of_any_geojson_kind(self, tmp_path):
        area = authalic_area_ha(square())
        multi = {"type": "MultiPolygon", "coordinates": [[square()], [square(100.1)]]}
        for content, expected in (
            (feature(square(), plot_id="A")["geometry"], area),
            (feature(square(), plot_id="A"), area),
            (multi, 2 * area),
        ):
            (tmp_path / "p.geojson").write_text("\ufeff" + json.dumps(content), "utf-8")
            found = rc.read_polygons(tmp_path / "p.geojson")
            assert found.table["area_ha"].sum() == pytest.approx(expected, rel=1e-4)


class TestMended:
    def test_swapped_axes_are_put_right(self, tmp_path):
        swapped = [[y, x] for x, y in square()]
        found = rc.read_polygons(write(tmp_path / "p.geojson", feature(swapped, plot_id="A")))
        right = rc.read_polygons(write(tmp_path / "q.geojson", feature(square(), plot_id="A")))
        assert found.table["area_ha"].iloc[0] == pytest.approx(
            right.table["area_ha"].iloc[0], rel=1e-12
        )
        assert found.table[["longitude", "latitude"]].iloc[0].tolist() == pytest.approx(
            [100.001, 7.001]
        )
        assert "polygon_swapped" in codes(found)
        assert "polygon_swapped" in found.table["mended"].iloc[0]
        assert "polygon_swapped" not in codes(right)

    def test_outside_thailand_is_said_and_kept(self, tmp_path):
        found = rc.read_polygons(
            write(tmp_path / "p.geojson", feature(square(10.0, 50.0), plot_id="A"))
        )
        assert "polygon_outside" in codes(found)
        assert found.table["mended"].iloc[0] == ""

    def test_an_open_ring_is_closed_and_a_turned_one_turned(self, tmp_path):
        path = write(
            tmp_path / "p.geojson",
            feature(square()[:-1], plot_id="A"),
            feature(square(100.1)[::-1], plot_id="B"),
        )
        found = rc.read_polygons(path)
        assert found.table["mended"].tolist() == ["polygon_unclosed", "polygon_direction"]
        assert found.table["area_ha"].iloc[0] == pytest.approx(authalic_area_ha(square()), rel=1e-6)

    def test_a_bow_tie_becomes_two_triangles(self, tmp_path):
        tie = [[100.0, 7.0], [100.002, 7.002], [100.002, 7.0], [100.0, 7.002], [100.0, 7.0]]
        found = rc.read_polygons(write(tmp_path / "p.geojson", feature(tie, plot_id="A")))
        assert found.table["kind"].tolist() == ["MultiPolygon"]
        assert found.table["area_ha"].iloc[0] == pytest.approx(
            authalic_area_ha(square()) / 2, rel=1e-4
        )
        assert (
            "crosses itself" in found.problems.set_index("code").loc["polygon_crossing", "message"]
        )

    def test_heights_are_left_out(self, tmp_path):
        found = rc.read_polygons(
            write(tmp_path / "p.geojson", feature([[*p, 35.0] for p in square()], plot_id="A"))
        )
        assert found.table["area_ha"].iloc[0] == pytest.approx(authalic_area_ha(square()), rel=1e-6)


class TestListed:
    def test_what_cannot_be_used_is_listed_and_the_rest_is_read(self, tmp_path):
        bad = {
            "polygon_bad_position": feature([[100, "x"], [1, 2], [3, 4]], plot_id="B1"),
            "polygon_not_degrees": feature(square(650_000, 800_000, 50), plot_id="B2"),
            "polygon_too_short": feature([[100, 7], [100.1, 7], [100, 7]], plot_id="B3"),
            "polygon_lost": feature([[100, 7], [100.1, 7], [100.2, 7], [100, 7]], plot_id="B4"),
            "polygon_empty": feature(plot_id="B5"),
            "polygon_wrong_kind": feature(square(), kind="LineString", plot_id="B6"),
            "polygon_no_feature": "hello",
        }
        others = [{"type": "Feature", "properties": None, "geometry": None},
                  feature([100, 7], kind="MultiPolygon", plot_id="B7"), feature(7, plot_id="B8")]  # fmt: skip
        found = rc.read_polygons(
            write(tmp_path / "p.geojson", *bad.values(), *others, feature(square(), plot_id="A"))
        )
        assert found.table["plot_id"].tolist() == ["A"]
        assert set(bad) <= set(codes(found))
        assert found.problems.loc[found.problems["severity"] == "error", "row"].nunique() == 10

    def test_duplicates_parts_and_overlaps(self, tmp_path):
        half = square(100.001)
        path = write(
            tmp_path / "p.geojson", feature(square(), plot_id="A"), feature(square(), plot_id="A"),
            feature(half, plot_id="B"), feature(square(), plot_id="C"), feature(square(100.1), plot_id="D"),
            feature(square(100.2), plot_id="D"), feature(square(100.002), plot_id="E"), feature(square(), site_id="S"),
        )  # fmt: skip
        found = rc.read_polygons(path)
        assert found.table["plot_id"].tolist() == ["A", "B", "C", "D", "E", ""]
        area = authalic_area_ha(square())
        assert found.table.set_index("plot_id").loc["D", "area_ha"] == pytest.approx(
            2 * area, rel=1e-4
        )
        problems = found.problems
        assert problems.loc[problems["code"] == "polygon_repeated", "value"].tolist() == ["A"]
        assert problems.loc[problems["code"] == "polygon_parts", "value"].tolist() == ["D"]
        assert problems.loc[problems["code"] == "polygon_same", "value"].tolist() == ["C"]
        pairs = problems.loc[problems["code"] == "polygon_overlap", "message"].tolist()
        assert (
            len(pairs) == 3
        )  # A-B, B-C and B-E; A-E share a border only; the site holds its plots
        assert all("50 %" in text for text in pairs)

    def test_points_do_up_to_four_hectares(self, tmp_path):
        points = [feature([100.0 + k / 10, 7.0], kind="Point", plot_id=f"P{k}", **more)
                  for k, more in enumerate([{"area_ha": 3.9}, {"area_ha": 4.1}, {}])]  # fmt: skip
        found = rc.read_polygons(write(tmp_path / "p.geojson", *points))
        problems = found.problems.set_index("code")["value"].to_dict()
        assert problems == {"polygon_needed": "P1", "point_without_area": "P2"}

    def test_unknown_areas_are_said_once_or_by_name(self, tmp_path):
        outlines = [square(100 + k / 10) for k in range(3)]
        none = rc.read_polygons(
            write(
                tmp_path / "p.geojson",
                *(feature(o, plot_id=f"P{k}") for k, o in enumerate(outlines)),
            )
        )
        assert codes(none) == ["no_area_known"]
        areas = ({"area_rai": 30.7}, {}, {"area_rai": 0})
        some = rc.read_polygons(
            write(
                tmp_path / "p.geojson",
                *(
                    feature(o, plot_id=f"P{k}", **a)
                    for k, (o, a) in enumerate(zip(outlines, areas, strict=True))
                ),
            )
        )
        found = some.problems
        assert found.loc[found["code"] == "plot_area_unknown", "value"].tolist() == ["P1", "P2"]

    def test_features_without_a_name(self, tmp_path):
        found = rc.read_polygons(write(tmp_path / "p.geojson", feature(square())))
        assert found.table["plot_id"].tolist() == ["feature-1"]
        assert "polygon_without_id" in codes(found)

    @pytest.mark.parametrize(("name", "taken"), [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", True), ("EPSG:4326", True), ("urn:ogc:def:crs:EPSG::4326", True),
        ("EPSG:32647", False), ("urn:ogc:def:crs:EPSG::24047", False), ("EPSG:3857", False), ("EPSG:14326", False),
    ])  # fmt: skip
    def test_foreign_coordinates_are_refused(self, tmp_path, name, taken):
        path = write(
            tmp_path / "p.geojson",
            feature(square(), plot_id="A"),
            crs={"type": "name", "properties": {"name": name}},
        )
        if taken:
            assert len(rc.read_polygons(path).table) == 1
        else:
            with pytest.raises(SiteError, match=r"save the map in WGS 84 degrees"):
                rc.read_polygons(path)

    @pytest.mark.parametrize(("text", "words"), [
        ("{", "is not JSON"), ("[1]", "no GeoJSON"), ('{"type": "FeatureCollection"}', "without a list"),
        ('{"type": "FeatureCollection", "features": []}', "holds no feature"), ("[" * 100_000, "is not JSON"),
        ('{"type": "FeatureCollection", "features": [1]}', "holds no feature"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 7], [1, 2], [3, 4]]]}', "holds no polygon"),
        ('{"type": "Topology"}', "holds no polygon"), ("<kml/>", "shapefile or KML"),
    ])  # fmt: skip
    def test_files_that_are_none(self, tmp_path, text, words):
        (tmp_path / "p.geojson").write_text(text, "utf-8")
        with pytest.raises(SiteError, match=words):
            rc.read_polygons(tmp_path / "p.geojson")

    def test_files_that_cannot_be_read(self, tmp_path):
        with pytest.raises(SiteError, match="cannot be read"):
            rc.read_polygons(tmp_path / "nothing.geojson")
        (tmp_path / "p.geojson").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(SiteError, match="not UTF-8"):
            rc.read_polygons(tmp_path / "p.geojson")

    def test_without_the_extra_a_sentence(self, tmp_path, monkeypatch):
        path = write(tmp_path / "p.geojson", feature(square(), plot_id="A"))
        real = builtins.__import__

        def without(name, *args, **kwargs):
            if name == "shapely":
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(SiteError, match="pip install shapely pyproj"):
            rc.read_polygons(path)


class TestWritten:
    def test_properties_and_six_decimals(self, tmp_path):
        path = write(tmp_path / "p.geojson", feature(square()[::-1], plot_id="A", operator="นางตัวอย่าง"),
                     feature([100.1, 7.0], kind="Point", plot_id="B", area_ha=2.0))  # fmt: skip
        found = rc.read_polygons(path)
        rc.write_geojson(found, tmp_path / "out.geojson", country="th", place="แปลงสาธิต")
        text = (tmp_path / "out.geojson").read_text("utf-8")
        assert "นางตัวอย่าง" not in text
        numbers = re.findall(r"\d+\.\d{6}\b", text)
        assert len(numbers) == 12
        content = json.loads(text)
        first, second = (one["properties"] for one in content["features"])
        assert first == {"ProducerCountry": "TH", "ProductionPlace": "แปลงสาธิต A", "plot_id": "A",
                         "Area": round(authalic_area_ha(square()), 4)}  # fmt: skip
        assert second["Area"] == 2.0
        outline = content["features"][0]["geometry"]["coordinates"][0]
        assert sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in itertools.pairwise(outline)) < 0
        rc.write_geojson(found, tmp_path / "out.geojson", anonymise=False, producer="สหกรณ์")
        names = [
            one["properties"]["ProducerName"]
            for one in json.loads((tmp_path / "out.geojson").read_text("utf-8"))["features"]
        ]
        assert names == ["นางตัวอย่าง", "สหกรณ์"]
        with pytest.raises(SiteError, match="two letters"):
            rc.write_geojson(found, tmp_path / "out.geojson", country="T1")

    def test_round_trip(self, tmp_path):
        multi = {"type": "Feature", "properties": {"plot_id": "M"},
                 "geometry": {"type": "MultiPolygon", "coordinates": [[square(100.3)], [square(100.4)]]}}  # fmt: skip
        hostile = '</svg><script>"\n=cmd'
        path = write(
            tmp_path / "p.geojson",
            feature(square(), plot_id="แปลง ที่ 1"),
            multi,
            feature(square(100.6), plot_id=hostile),
        )
        found = rc.read_polygons(path)
        back = rc.read_polygons(rc.write_geojson(found, tmp_path / "out.geojson"))
        assert back.table["plot_id"].tolist() == found.table["plot_id"].tolist()
        np.testing.assert_allclose(back.table["area_ha"], found.table["area_ha"], rtol=1e-9)
        pairs = zip(back.shapes, found.shapes, strict=True)
        assert all(a.normalize().equals_exact(b.normalize(), 1e-9) for a, b in pairs)
        assert "polygon_direction" not in codes(back)

    def test_what_six_decimals_leave_without_area_is_listed(self, tmp_path):
        tiny = square(side=1e-7)
        path = write(
            tmp_path / "p.geojson", feature(tiny, plot_id="A"), feature(square(100.1), plot_id="B")
        )
        found = rc.read_polygons(path)
        rc.write_geojson(found, tmp_path / "out.geojson")
        assert len(json.loads((tmp_path / "out.geojson").read_text("utf-8"))["features"]) == 1
        assert "polygon_lost" in codes(found)


class TestCommand:
    def test_it_writes_three_files(self, tmp_path, capsys):
        path = write(tmp_path / "p.geojson", feature(square(), plot_id="A", operator="นายสมมติ"))
        (tmp_path / "plots.csv").write_text("plot_id,area_rai\nA,10\n", "utf-8")
        out = tmp_path / "out.geojson"
        words = ["geojson", str(path), "--plots", str(tmp_path / "plots.csv"), "--out", str(out)]
        assert main([*words, "--lang", "th"]) == 0
        assert "ต่างกัน %" in capsys.readouterr().out
        areas = pd.read_csv(tmp_path / "out_areas.csv")
        assert areas["area_declared_ha"].tolist() == [1.6]
        assert "polygon_area_differs" in (tmp_path / "out_problems.csv").read_text("utf-8-sig")
        for file in tmp_path.glob("out*"):
            assert "สมมติ" not in file.read_text("utf-8-sig")
        assert main(words) == 2
        assert "exists; choose another name" in capsys.readouterr().err
        assert main([*words, "--force", "--strict"]) == 1
        assert main(["geojson", str(path), "--out", str(path), "--force"]) == 2
        assert main(["geojson", str(path), "--producer", "x"]) == 2
        assert "--no-anonymise" in capsys.readouterr().err

    def test_it_prints_json_and_counts_faults(self, tmp_path, capsys):
        path = write(
            tmp_path / "p.geojson",
            *(feature(square(100 + k / 100), plot_id=f"P{k}") for k in range(25)),
            "bad",
        )
        assert main(["geojson", str(path), "--json"]) == 1
        assert len(json.loads(capsys.readouterr().out)) == 25
        assert main(["geojson", str(path)]) == 1
        assert "5 more polygons" in capsys.readouterr().out


corner = st.tuples(st.floats(99.0, 101.0), st.floats(7.0, 9.0))
scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
pair = st.lists(scalar, max_size=4)
anything = scalar | pair | st.lists(pair | scalar, max_size=5) | st.dictionaries(st.text(), scalar)


class TestRings:
    @pytest.mark.slow
    @settings(max_examples=examples(60), deadline=None)
    @given(corners=st.lists(corner, min_size=3, max_size=9, unique=True), closed=st.booleans())
    def test_any_ring_ends_as_valid_polygons_or_is_listed(self, tmp_path_factory, corners, closed):
        folder = tmp_path_factory.mktemp("ring")
        points = [list(c) for c in corners]
        path = write(folder / "p.geojson", feature([*points, points[0]] if closed else points, plot_id="A"),
                     feature(square(100.0, 10.0), plot_id="B"))  # fmt: skip
        found = rc.read_polygons(path)
        assert "B" in found.table["plot_id"].tolist()
        for shape in found.shapes:
            assert shape.is_valid
        mine = found.table[found.table["plot_id"] == "A"]
        assert len(mine) or {"polygon_lost", "polygon_too_short"} & set(codes(found))
        if len(mine) and not mine["mended"].str.contains("crossing").any():
            assert mine["area_ha"].iloc[0] <= 2 * 2 * 12_400 * 100
        back = rc.read_polygons(rc.write_geojson(found, folder / "out.geojson"))
        assert all(shape.is_valid for shape in back.shapes)

    @settings(max_examples=examples(200), deadline=None)
    @given(item=anything)
    def test_no_position_or_ring_breaks_it(self, item):
        for reader in (position, ring):
            with contextlib.suppress(BadRing):
                found = reader(item)
                assert len(found) == 2
