"""Words, cells and figures of reports."""

from __future__ import annotations

import re
import string
import tomllib

import pytest
from made_reports import LANGUAGES, PACKAGE

from rubbercarbon import messages, report_figures
from rubbercarbon.report import SECTIONS
from rubbercarbon.report_blocks import (
    FIGURE_COLOURS,
    Column,
    literal_colours,
    shown,
    visible,
)
from rubbercarbon.report_words import Words


class TestTexts:
    @pytest.mark.parametrize("section", ["report", "report_columns", "report_values"])
    def test_both_languages_have_the_same_texts_with_the_same_fields(self, section):
        catalogue = {
            language: tomllib.loads((PACKAGE / "texts" / f"{language}.toml").read_text("utf-8"))
            for language in LANGUAGES
        }
        english, thai = (catalogue[language][section] for language in LANGUAGES)
        assert english.keys() == thai.keys()
        for key, text in english.items():
            fields = [{n for _, n, _, _ in string.Formatter().parse(t) if n}
                      for t in (text, thai[key])]  # fmt: skip
            # Thai adds the Buddhist year
            assert fields[0] - {"iso"} <= fields[1] | {"be", "ce"}, key

    def test_every_text_that_code_asks_for_is_there(self):
        code = "".join(
            path.read_text("utf-8")
            for path in [*PACKAGE.glob("report*.py"), *(PACKAGE / SECTIONS).glob("*.py")]
        )
        asked = set(re.findall(r'words\.text\(\s*"(\w+)"', code))
        asked |= set(re.findall(r'missing\(words, "(\w+)"', code))
        assert len(asked) > 60
        assert asked <= set(messages.keys("report"))
        assert set(re.findall(r'words\.column\("(\w+)"', code)) <= set(
            messages.keys("report_columns")
        )

    def test_years_areas_and_dates(self):
        thai, english = Words("th"), Words("en")
        assert thai.year(2006) == "พ.ศ.\u00a02549 (ค.ศ.\u00a02006)"
        assert english.year(2006) == "2006"
        assert thai.date("2024-03-15") == "15\u00a0มีนาคม พ.ศ.\u00a02567 (ค.ศ.\u00a02024)"
        assert english.date("2024-03-15") == "15 March 2024"
        assert english.date("spring") == "spring"
        assert thai.month(6, 2006) == "มิถุนายน พ.ศ.\u00a02549 (ค.ศ.\u00a02006)"
        # 6 rai 2 ngan 75 wa = 6·1600 + 2·400 + 75·4 = 10,700 m2
        assert english.area(1.07) == "6 rai 2 ngan 75 wa (1.07 ha)"
        assert thai.area(1.07) == "6 ไร่ 2 งาน 75 ตารางวา (1.07 เฮกตาร์)"
        assert english.area(0.16) == "1 rai 0 ngan 0 wa (0.16 ha)"
        for nothing in (None, "", float("nan"), "x"):
            assert english.area(nothing) == "unknown"
            assert thai.year(nothing) == "ไม่ทราบ"

    def test_codes_without_a_word_stay_readable(self):
        assert Words("th").value("state", "met") == "ผ่าน"
        assert Words("en").value("state", "not_seen_before") == "not seen before"
        assert Words("en").value("topic", "note of the record") == "note of the record"
        assert Words("th").value("state", None) == "ไม่ทราบ"

    def test_long_lists_say_how_much_is_left_out(self):
        assert Words("en").listed("abcdefgh", 6) == "a, b, c, d, e, f and 2 more"


class TestBlocks:
    def test_controls_are_written_out(self):
        assert visible("a\u202eb\x00\u2066\ud800") == "a[U+202E]b[U+0000][U+2066][U+D800]"
        assert visible("ที่ น้ำ\n\tx") == "ที่ น้ำ\n\tx"

    def test_cells(self):
        column = Column("x", "number", 2)
        assert shown(1234.567, column) == "1,234.57"
        assert shown(-0.0001, column) == "0.00"
        assert shown(float("nan"), column) == "–"
        assert shown("", column) == "–"
        assert shown(3, Column("x", "number", 0)) == "3"

    @pytest.mark.parametrize("side", [0, 1])
    def test_colours_of_figures_stand_out(self, side):
        """WCAG 2.1, 1.4.11: 3 to 1 for parts of figures; 4.5 to 1 for text."""

        def luminance(colour):
            parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        paper = luminance(FIGURE_COLOURS["paper"][side])
        for name, pair in FIGURE_COLOURS.items():
            ends = sorted([luminance(pair[side]), paper])
            contrast = (ends[1] + 0.05) / (ends[0] + 0.05)
            if name not in {"paper", "rule"}:
                assert contrast >= (4.5 if name in {"ink", "quiet"} else 3.0), name


class TestFigures:
    def test_a_figure_is_the_same_twice_and_names_its_colours(self):
        made = [
            report_figures.bars(
                "f1", ["$x_{$", "var(--green)", 'id="q" #0101e1'],
                [report_figures.Bars("a", [1, -2, 3], [0, -3, 2], [2, -1, 4])], "t/ha",
            )
            for _ in range(2)
        ]  # fmt: skip
        assert made[0] == made[1]
        tags = "".join(re.findall(r"<[^>]*>", made[0]))
        assert set(re.findall(r"var\(--(\w+)\)", tags)) <= set(FIGURE_COLOURS)
        assert not re.search(r"#[0-9a-f]{6}\b", tags)
        assert "<metadata" not in made[0]
        assert "<style" not in made[0]
        # what is a name stays a name
        assert "$x_{$" in made[0]
        assert 'id="q" #0101e1' in made[0].replace("&quot;", '"')
        assert "var(--" not in "".join(re.findall(r"<[^>]*>", literal_colours(made[0])))
        assert ">var(--green)<" in literal_colours(made[0])

    def test_ids_of_two_figures_differ(self):
        ids = [
            set(re.findall(r'id="([^"]+)"', report_figures.lines(
                key, [report_figures.Line("x", [0, 1], [1, 2], [0, 1], [2, 3])], "y", "z")))
            for key in ("one", "two")
        ]  # fmt: skip
        assert ids[0]
        assert not ids[0] & ids[1]

    def test_steps_of_a_ladder_join(self):
        """Each step starts where the one above ended: read from the drawn bars."""
        names, values = ["gross", "baseline", "leakage", "net"], [100.0, -20.0, -5.0, 75.0]
        svg = report_figures.waterfall("w", names, values, {0, 3}, "t")
        paths = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="fill: var', svg)
        edges = []
        for path in paths:
            xs = [float(x) for x in re.findall(r"[ML] ([\d.]+) ", path)]
            edges.append((min(xs), max(xs)))
        zero, full = edges[0]
        unit = (full - zero) / 100.0
        measured = [((low - zero) / unit, (high - zero) / unit) for low, high in edges[:4]]
        expected = [(0, 100), (80, 100), (75, 80), (0, 75)]
        for got, want in zip(measured, expected, strict=True):
            assert got == pytest.approx(want, abs=0.01)
