"""Dossiers: closed lists and their spellings, the template in two languages, faults."""

from __future__ import annotations

import csv
import re
import tomllib
from pathlib import Path

import pytest

import rubbercarbon as rc
from rubbercarbon import messages, sheet_templates, site_words
from rubbercarbon.cli import main
from rubbercarbon.columns import SITE_COLUMNS
from rubbercarbon.errors import SiteError
from rubbercarbon.headings import map_headings
from rubbercarbon.sites import Site, make_site

TEMPLATE = Path(rc.__file__).parent / "templates" / "site.toml"
KINDS = tuple(site_words.CODES)


class TestWords:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("language", messages.LANGUAGES)
    def test_labels_read_back_to_their_code(self, kind, language):
        for code in site_words.CODES[kind]:
            assert site_words.code_of(kind, site_words.label(kind, code, language)) == code

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_spelling_has_one_code_and_each_code_a_label(self, kind):
        assert messages.keys(kind, "en") == messages.keys(kind, "th") == site_words.CODES[kind]
        assert set(site_words.SPELLINGS[kind]) <= set(site_words.CODES[kind])
        seen = {}
        for code, spellings in site_words.SPELLINGS[kind].items():
            for spelling in spellings:
                plain = site_words.plain(spelling)
                assert seen.setdefault(plain, code) == code or not plain, spelling
                assert site_words.code_of(kind, spelling) == code, spelling

    @pytest.mark.parametrize(("text", "code"), [
        ("โฉนดที่ดิน เลขที่ 1234", "chanote"), ("น.ส. ๔ จ.", "chanote"), ("นส3ก", "ns3k"),
        ("น.ส.3 ก. เลขที่ 88", "ns3k"), ("น.ส.๓ข", "ns3"), ("ส.ป.ก.๔-๐๑ ก", "spk401"),
        ("โฉนดเพื่อการเกษตร", "spk401"), ("โฉนดเพื่อเกษตรกรรม เลขที่ 5", "spk401"), ("สปก 4–01", "spk401"),
        ("คทช", "kts"), ("ก.ส.น. 5", "ksn5"), ("ไม่มีเอกสารสิทธิ", "none"), ("ไม่มีโฉนด", None),
        ("SPK401", "spk401"), ("  ", "unknown"), (None, "unknown"), ("สปก ชั่วคราว", None), ("โฉนดหาย", None), ("ใบเสร็จค่าไฟ", None), ("นส", None),
    ])  # fmt: skip
    def test_documents_as_people_write_them(self, text, code):
        assert site_words.code_of("land_document", text) == code

    def test_only_documents_are_found_by_their_beginning(self):
        assert site_words.code_of("operator_type", "farmers of the north") is None
        assert site_words.code_of("answer", True) == "yes"
        assert site_words.code_of("answer", "maybe") is None


def _template(language, *, full):
    text = "\n".join(
        line.replace(f"#{language} ", "# ", 1)
        for line in TEMPLATE.read_text("utf-8").splitlines()
        if not line.startswith({"en": "#th ", "th": "#en "}[language])
    )
    return re.sub(r"(?m)^# (?=[a-z0-9_-]+ = |\[start_stock\])", "", text) if full else text


def _keys(model, before=""):
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = next(
            (k for k in getattr(kind, "__args__", (kind,)) if hasattr(k, "model_fields")), None
        )
        if inner is None:
            yield f"{before}{name}"
        else:
            yield from _keys(inner, f"{before}{name}.")


class TestTemplate:
    def test_both_languages_read_the_same(self, tmp_path):
        found = {}
        for language in messages.LANGUAGES:
            target = tmp_path / f"{language}.toml"
            assert main(["template", "site.toml", "--lang", language, "--out", str(target)]) == 0
            text = target.read_text("utf-8")
            assert text == _template(language, full=False) + "\n"
            assert bool(re.search("[ก-๙]", text)) is (language == "th")
            found[language] = rc.read_site(target)
        assert found["en"] == found["th"] == Site(site={"id": "S-01"})

    @pytest.mark.parametrize("language", messages.LANGUAGES)
    def test_it_has_every_key_and_each_is_read(self, language, tmp_path):
        text = _template(language, full=True)
        site = make_site(tomllib.loads(text))
        assert site.land.area_ha == pytest.approx(1.07)
        assert site.stand.planted_year == 2012
        assert site.start_stock.agb_t == 100.0
        table = tomllib.loads(text)
        written = {
            f"{group}.{key}" if isinstance(keys, dict) else group
            for group, keys in table.items()
            for key in (keys if isinstance(keys, dict) else [""])
        }
        assert written == set(_keys(Site))

    def test_each_comment_stands_in_both_languages(self):
        marks = [
            line[:4]
            for line in TEMPLATE.read_text("utf-8").splitlines()
            if line.startswith(("#en ", "#th "))
        ]
        assert marks[::2] == ["#en "] * (len(marks) // 2)
        assert marks[1::2] == ["#th "] * (len(marks) // 2)

    @pytest.mark.parametrize("language", messages.LANGUAGES)
    def test_the_list_of_sites_is_read_back(self, language, tmp_path):
        target = tmp_path / "sites.csv"
        assert main(["template", "sites.csv", "--lang", language, "--out", str(target)]) == 0
        with target.open(encoding="utf-8-sig", newline="") as stream:
            heads = next(csv.reader(stream))
        found = map_headings(heads, "sites", SITE_COLUMNS, {})
        asked = [column["name"] for column in sheet_templates.columns("sites")]
        assert {name: heading for name, (heading, _) in found.items()} == dict(
            zip(asked, heads, strict=True)
        )
        assert rc.read_portfolio(target).problems.empty


class TestFaults:
    @pytest.mark.parametrize(("values", "words"), [
        ({"site": {}}, "'site.id' is missing"),
        ({"site": {"id": "A", "provnce": "x"}}, "'site.provnce' is no key (did you mean 'province'?)"),
        ({"site": {"id": "A"}, "lnd": {}}, "'lnd' is no key (did you mean 'land'?)"),
        ({"site": {"id": "A"}, "land": {"document": "chanot?"}}, "'land.document': not known; allowed: chanote, ns3k"),
        ({"site": {"id": "A"}, "land": {"permission": "maybe"}}, "allowed: yes, no, unknown (found 'maybe')"),
        ({"site": {"id": "A", "latitude": 100.5}}, "(found 100.5)"),
        ({"site": {"id": "A"}, "project": {"start": "2026-01-01", "end": "2024-01-01"}}, "the end is not after the start"),
        ({"site": {"id": "A"}, "operator": {"type": "z" * 10_000}}, "zzz..."),
        ({"site": {"id": "A"}, "start_stock": {"agb_t": 1}}, "'start_stock.date' is missing"),
        ({"site": {"id": "A"}, "project": {"answers": {"x": "perhaps"}}}, "allowed: yes, no, unknown"),
    ])  # fmt: skip
    def test_each_fault_is_a_sentence(self, values, words):
        with pytest.raises(SiteError) as caught:
            make_site(values, "site.toml")
        assert words in str(caught.value)
        assert len(str(caught.value)) < 500

    def test_files_that_are_none(self, tmp_path):
        (tmp_path / "a.toml").write_text("[site", "utf-8")
        for name, words in (("a.toml", "not valid TOML"), ("b.toml", "cannot be read")):
            with pytest.raises(SiteError, match=words):
                rc.read_site(tmp_path / name)

    def test_both_eras_and_thai_words(self):
        site = make_site({
            "site": {"id": "A"}, "land": {"document": "น.ส.3 ก.", "zone": "ป่าสงวนแห่งชาติ", "permission": "ใช่",
                                          "acceptance": {"t-ver-s-meth-13-06": "ไม่ทราบ"}},
            "project": {"start": "1/5/2567", "end": "2569-05-01"}, "stand": {"planted_year": 2555},
            "operator": {"type": "วิสาหกิจชุมชน", "new_generation_farmer": True}, "design": {"plot_selection": "สุ่ม"},
        })  # fmt: skip
        assert (site.land.document, site.land.zone, site.land.permission) == (
            "ns3k",
            "forest_land",
            "yes",
        )
        assert site.land.acceptance == {"t-ver-s-meth-13-06": "unknown"}
        assert (site.project.start.isoformat(), site.project.end.isoformat()) == (
            "2024-05-01",
            "2026-05-01",
        )
        assert (site.stand.planted_year, site.operator.type) == (2012, "community")
        assert (site.operator.new_generation_farmer, site.design.plot_selection) == (
            "yes",
            "random",
        )
