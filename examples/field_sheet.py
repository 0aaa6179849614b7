"""An officer's Excel sheet in Thai: what is wrong on it, and the stock of its plots."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

import rubbercarbon as rc

COLUMNS = ["แปลง", "เลขต้น", "ชนิดไม้", "เส้นรอบวง (ซม.)", "ความสูง (ม.)", "พื้นที่ (ไร่)", "ปีที่ปลูก"]
ROWS = [
    ("สวน 1", "1", "ยางพารา", "๖๔.๕", None, 0.05, 2550),
    ("สวน 1", "2", "ยางพารา", "71.0", None, 0.05, 2550),
    ("สวน 1", "3", "ยางพารา", "688", None, 0.05, 2550),  # the decimal point is lost
    ("สวน 1", "4", "ตะเคียนทอง", "31.2", 9.5, 0.05, 2555),
    ("สวน 2", "1", "ยางพารา", "58.7", None, 0.05, 2553),
    ("สวน 2", "2", "ยางพารา", "ตาย", None, 0.05, 2553),  # a word for a number
    ("สวน 2", "3", "ไผ่", "21.0", None, 0.05, 2558),
]


def main() -> None:
    """Print problems in Thai and the plots' stocks, and write the run folder."""
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "แบบบันทึก.xlsx"
        pd.DataFrame(ROWS, columns=COLUMNS).to_excel(sheet, index=False, engine="xlsxwriter")
        inventory = rc.read_inventory(sheet)
        stocks = rc.estimate_stocks(inventory)
        problems = stocks.found_problems.frame("th")
        print(problems[["row", "severity", "message", "suggestion"]].to_string(index=False))
        print("\nตันต่อเฮกตาร์ และช่วงความเชื่อมั่น 90 %\n")
        columns = ["plot_id", "agb_t_ha", "carbon_t_ha", "carbon_t_ha_low", "carbon_t_ha_high"]
        print(stocks.plots[columns].round(1).to_string(index=False))
        written = rc.write_run(stocks, Path(folder) / "ผลการคำนวณ", language="th")
        print(f"\n{len(list(written.iterdir()))} files in the run folder")


if __name__ == "__main__":
    main()
