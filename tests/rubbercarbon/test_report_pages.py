"""Reports as a reader sees them: printed by Chromium, set by typst, read back by poppler."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata

import pandas as pd
import pytest
from made_reports import HOSTILE, SAMPLE, SITE, credit_folder, hostile_inventory

import rubbercarbon as rc
from rubbercarbon.runs import write_change

WORDS = "ที่ นี้ ปี่ น้ำ เดี่ยว นั้น ครั้ง สิทธิ์ สิ่ง ยิ่งขึ้น ผู้ซื้อ พื้นที่"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")  # fmt: skip
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed"),
]
in_chromium = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")


def pages_of(pdf):
    """Text of each page, marks composed as they are typed."""
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    return [unicodedata.normalize("NFC", page) for page in done.stdout.decode().split("\f")[:-1]]


def fonts_of(pdf):
    done = subprocess.run(["pdffonts", pdf], capture_output=True, text=True, check=True)
    return {line.split()[0].split("+")[-1] for line in done.stdout.splitlines()[2:]}


def chromium(*words):
    return subprocess.run([CHROMIUM, *QUIET, *words], capture_output=True, timeout=120, check=True)


@pytest.fixture(scope="module")
def claim(tmp_path_factory):
    trees = pd.read_csv(SAMPLE / "trees.csv", dtype=str).head(160)
    later = trees.assign(girth_cm=pd.to_numeric(trees["girth_cm"], errors="coerce") * 1.06)
    plots = pd.read_csv(SAMPLE / "plots.csv")
    change = rc.compare_inventories(
        rc.read_inventory(trees, plots), rc.read_inventory(later, plots)
    )
    folder = tmp_path_factory.mktemp("claim") / "run"
    write_change(change, folder)
    return credit_folder(folder)


@pytest.fixture(scope="module")
def site():
    return {**SITE, "site": {**SITE["site"], "name": f"แปลง {WORDS}"}}


@pytest.fixture(scope="module")
def stocks():
    trees = pd.read_csv(SAMPLE / "trees.csv", dtype=str).replace({"plot_id": {"P1": "ที่นั้น"}})
    plots = pd.read_csv(SAMPLE / "plots.csv").replace({"plot_id": {"P1": "ที่นั้น"}})
    return rc.estimate_stocks(rc.read_inventory(trees, plots))


@pytest.fixture(scope="module")
def printed(stocks, site, tmp_path_factory):
    """The Thai report as HTML, printed by Chromium, with a log of what it asked the net for."""
    folder = tmp_path_factory.mktemp("html")
    html = rc.write_report(stocks, folder / "r.html", "th", site)
    pdf, log = folder / "r.pdf", folder / "net.json"
    chromium(f"--print-to-pdf={pdf}", "--no-pdf-header-footer", f"--log-net-log={log}",
             html.as_uri())  # fmt: skip
    return html, pdf, log


@in_chromium
class TestPrinted:
    def test_no_request_leaves_the_file(self, printed):
        html, _, log = printed
        urls = set(re.findall(r'"url":"([^"]+)"', log.read_text("utf-8")))
        # the browser itself asks its maker's servers for updates
        urls = {
            u
            for u in urls
            if not re.match(r"https?://([\w-]+\.)*(google|googleapis|gvt1)\.com/", u)
        }
        assert {u for u in urls if not u.startswith(("data:", "chrome"))} <= {html.as_uri()}

    def test_thai_is_drawn_with_the_report_s_own_font(self, printed):
        assert fonts_of(printed[1]) == {"Sarabun-Regular", "Sarabun-Bold"}
        text = " ".join(" ".join(pages_of(printed[1])).split())
        for word in WORDS.split():
            assert word in text

    def test_figures_are_drawn_with_their_words(self, printed):
        text = "".join("".join(pages_of(printed[1])).split())
        for words in ("คาร์บอน (ตัน/เฮกตาร์)", "ส่วนของความแปรปรวน (%)", "ยางพาราต่างท้องถิ่น"):
            assert words.replace(" ", "") in text

    def test_heads_of_tables_stand_on_every_page_of_them(self, printed):
        pages = pages_of(printed[1])
        inside = [page for page in pages if "Harja et al." in page]
        assert len(inside) > 1
        assert all("แหล่งที่มา" in page for page in inside)

    def test_no_heading_stands_alone_at_the_foot_of_a_page(self, printed):
        from rubbercarbon import messages

        keys = [key for key in messages.keys("report") if key.startswith(("title_", "caption_"))]
        known = dict.fromkeys(("level", "programme"), "")
        titles = {messages.text("report", key, "th", **known) for key in keys}
        for page in pages_of(printed[1]):
            lines = [line.strip() for line in page.splitlines() if line.strip()]
            body = [line for line in lines if not re.fullmatch(r"\d+ ?/ ?\d+", line)]
            assert body[-1] not in titles

    def test_pages_are_numbered(self, printed):
        pages = pages_of(printed[1])
        for number, page in enumerate(pages, start=1):  # narrow blanks may be lost in extraction
            assert "".join(page.split()).endswith(f"{number}/{len(pages)}")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_light_and_dark(self, printed, tmp_path, scheme):
        from PIL import Image

        picture = tmp_path / "r.png"
        dark = ("--blink-settings=preferredColorScheme=0",) if scheme == "dark" else ()
        chromium(f"--screenshot={picture}", "--window-size=900,4000", *dark, printed[0].as_uri())
        with Image.open(picture) as image:
            colours = {c: n for n, c in image.convert("RGB").getcolors(1 << 24)}
        paper = (0x17, 0x19, 0x1B) if scheme == "dark" else (255, 255, 255)
        bars = (0x2F, 0xBF, 0x95) if scheme == "dark" else (0, 0x80, 0x5D)
        assert colours[paper] > 0.7 * sum(colours.values())
        assert colours[bars] > 2000


@pytest.fixture(scope="module")
def pdf(stocks, site, tmp_path_factory):
    pytest.importorskip("typst", reason="the extra pdf is not installed")
    return rc.write_report(stocks, tmp_path_factory.mktemp("pdf") / "r.pdf", "th", site)


class TestTypeset:
    def test_thai_reads_back_as_it_was_typed(self, pdf):
        text = " ".join(" ".join(pages_of(pdf)).split())
        for word in WORDS.split():
            assert word in text
        assert "ต้นไม้ที่มีชีวิต" in text
        assert "ที่นั้น" in text
        assert fonts_of(pdf) == {"Sarabun-Regular", "Sarabun-Bold"}

    def test_pages_are_numbered_and_heads_repeated(self, pdf):
        pages = pages_of(pdf)
        for number, page in enumerate(pages, start=1):  # narrow blanks may be lost in extraction
            assert "".join(page.split()).endswith(f"{number}/{len(pages)}")
        inside = [page for page in pages if "Global Wood Density Database" in page]
        assert len(inside) > 1
        assert all("แหล่งที่มา" in page for page in inside)

    def test_figures_are_in_it(self, pdf):
        text = "".join("".join(pages_of(pdf)).split())
        # letters of drawings are set one by one: some readers put them in another order
        assert "คาร์บอน(ตัน/เฮกตาร์)" in text
        assert "การเลือกสมการยางพารา" in text

    def test_the_same_run_gives_the_same_bytes(self, pdf, stocks, site, tmp_path):
        again = rc.write_report(stocks, tmp_path / "again.pdf", "th", site)
        assert again.read_bytes() == pdf.read_bytes()

    @pytest.mark.parametrize(("language", "words"), [
        ("en", ["PROJECT_ESTIMATE", "text of the methodology was not seen", "unknown whether the",
                "outside the range of their", "rows were refused"]),
        ("th", ["PROJECT_ESTIMATE", "ยังไม่ได้ตรวจสอบกับตัวบท", "รับเอกสารสิทธิ์นี้หรือไม่",
                "อยู่นอกช่วงของสมการ", "ไม่ใช้"]),
    ])  # fmt: skip
    def test_what_limits_a_claim_stands_on_its_first_page(self, claim, tmp_path, language, words):
        pytest.importorskip("typst", reason="the extra pdf is not installed")
        first = pages_of(rc.write_report(claim, tmp_path / "c.pdf", language))[0]
        plain = " ".join(first.replace("\u200b", "").split())
        for word in words:
            assert word in plain, word

    def test_hostile_names_are_letters(self, tmp_path):
        pytest.importorskip("typst", reason="the extra pdf is not installed")
        site = json.loads(json.dumps(SITE))
        site["operator"]["name"] = "x" * 10_000
        site["design"]["note"] = "\n".join(HOSTILE[:5])
        pdf = rc.write_report(rc.estimate_stocks(hostile_inventory()), tmp_path / "h.pdf",
                              site=site)  # fmt: skip
        text = "".join("".join(pages_of(pdf)).split()).replace("\u200b", "")
        for word in HOSTILE[:5]:
            assert "".join(word.split()) in text, word
        assert "/bin/" not in text
        assert "[10,000characters]" in text
        assert "[U+202E]" in text
