"""Headings, units, dates, clones and names as people write them."""

import numpy as np
import pandas as pd
import pytest
from made_sheets import TREES

import rubbercarbon as rc
from rubbercarbon.cli import main
from rubbercarbon.columns import CLONES, clone_name, common_era
from rubbercarbon.headings import recognise


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory, monkeypatch):
    """Folders that commands write by default stay out of the project."""
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize(
    ("heading", "column"),
    [("เส้นรอบวง(ซม.)", "girth_cm"), ("เส้นรอบวงลำต้นที่ 1.30 ม. (ซม.) *", "girth_cm"),
     ("เส้นรอบวงลำต้น (เมตร)", "girth_m"), ("ความโต", "girth_cm"), ("GBH (cm)", "girth_cm"),
     ("CBH", "girth_cm"), ("Keliling (cm)", "girth_cm"), ("เส้นผ่านศูนย์กลาง (ซม.)", "dbh_cm"),
     ("dbh(เส้นผ่านศูนย์กลางเพียงอก)", "dbh_cm"), ("ความสูง", "height_m"), ("DBH (mm)", "dbh_mm"),
     ("ความสูง<br/>(เมตร)", "height_m"), ("ชนิดไม้", "species"), ("ชื่อพันธุ์ไม้", "species"),
     ("ชื่อวิทยาศาสตร์", "species"), ("Jenis Pohon", "species"), ("แปลง", "plot_id"),
     ("รหัสต้นไม้", "tree_id"), ("ลำดับที่", "tree_id"), ("ปีที่ปลูก", "planting_year"),
     ("อายุ", "age_years"), ("พื้นที่ (ไร่)", "plot_area_rai"), ("ผู้สำรวจ", "surveyor"),
     ("ประเภทของเอกสารสิทธิ์", "land_document"), ("หมายเหตุ", "note"), ("จำนวน(ต้น)", "count")],
)  # fmt: skip
def test_headings_of_real_sheets(heading, column):
    found = recognise(heading, "trees")
    assert found is not None
    assert found.column == column


def test_the_tape_in_a_heading_is_kept_and_a_heading_without_unit_is_said():
    trees = pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "เส้นรอบวงลำต้นที่ 1.50 ม. (ซม.) *": [60.0]})
    assert rc.read_inventory(trees).trees["pom_m"].tolist() == [1.5]
    bare = rc.read_inventory(pd.DataFrame({"ชนิดไม้": ["ยางพารา"], "ความโต": [60.0]}))
    assert any(note["topic"] == "unit" for note in bare.notes)


def test_dates_and_clones_in_usual_spellings():
    for text in (
        "15/3/2567",
        "2567-03-15",
        "15-03-2567",
        "15 มี.ค. 2567",
        "15 มีนาคม 2567",
        "2024-03-15",
    ):
        assert common_era(text) == "2024-03-15"
    assert common_era("ไม่ทราบ") == "ไม่ทราบ"
    for text in ("RRIM600", "rrim-600", "RRIM 600", "อาร์อาร์ไอเอ็ม 600"):
        assert clone_name(text) == "RRIM 600"
    assert clone_name("พื้นเมือง") == "SEEDLING"
    assert all(clone_name(name) == name for name in CLONES)


def test_area_in_rai_ngan_wa_and_thai_digits():
    trees = pd.DataFrame({"แปลง": ["1"], "ชนิดไม้": ["ยางพารา"], "เส้นรอบวง (ซม.)": ["๖๕.๕"]})
    plots = pd.DataFrame({"แปลง": ["1"], "ไร่": ["๑"], "งาน": [2], "ตารางวา": [50]})
    inventory = rc.read_inventory(trees, plots)
    assert inventory.plots["area_ha"].iloc[0] == pytest.approx((1600 + 800 + 200) / 1e4)
    assert inventory.trees["dbh_cm"].iloc[0] == pytest.approx(65.5 / np.pi)


def test_yang_alone_is_decided_by_its_plot():
    def read(rows, **plots):
        trees = pd.DataFrame(rows, columns=["plot_id", "species", "girth_cm"])
        return rc.read_inventory(trees, pd.DataFrame({"plot_id": ["A"], "area_rai": 1.0, **plots}))

    few = [["A", "ยาง", 60.0], ["A", "ตะเคียนทอง", 50.0], ["A", "ตะเคียนทอง", 51.0]]
    assert read(few).trees["species"].iloc[0] == "ยาง"
    assert read(few, system="สวนยางพารา").trees["species"].iloc[0] == "ยางพารา"
    assert read([*few, ["A", "ยางพารา", 60.0]]).trees["species"].iloc[0] == "ยางพารา"
    many = read([["A", "ยาง", 60.0]] * 2)
    assert many.trees["species"].tolist() == ["ยางพารา"] * 2
    assert "species_yang" in {item.code for item in many.found_problems.items}


def test_a_profile_is_saved_and_used_again(tmp_path, capsys):
    odd = TREES.rename(columns={"girth_cm": "ขนาดพิเศษ", "species": "อะไร"})
    odd.to_csv(tmp_path / "a.csv", index=False)
    words = ["--map", "girth_cm=ขนาดพิเศษ", "--map", "species=อะไร"]
    assert (
        main(["check", str(tmp_path / "a.csv"), *words, "--save-profile", str(tmp_path / "p.toml")])
        == 0
    )
    assert main(["check", str(tmp_path / "a.csv"), "--profile", str(tmp_path / "p.toml")]) == 0
    assert "ขนาดพิเศษ → girth_cm" in capsys.readouterr().out
    (tmp_path / "p.toml").write_text("[headings]\n", encoding="utf-8")
    assert main(["check", str(tmp_path / "a.csv"), "--profile", str(tmp_path / "p.toml")]) == 2
