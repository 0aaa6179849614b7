"""Cells of a column of rai that hold an area as rai-ngan-wa, or in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rubbercarbon import distinct
from rubbercarbon.columns import RAI_PER_HA, rai_text_to_ha

if TYPE_CHECKING:
    import pandas as pd

    from rubbercarbon.formats.interface import RawTable
    from rubbercarbon.problems import Problems


def read_rai_cells(frame: pd.DataFrame, raw: RawTable, problems: Problems) -> None:
    """Put rai in place of ``1-2-50`` and ``1 ไร่ 2 งาน``, in place, each spelling said once.

    A row that has ngan or square wa in columns of their own is left as it is: they would count
    twice.

    Parameters
    ----------
    frame : pandas.DataFrame
        Canonical columns, not typed yet.
    raw : RawTable
    problems : Problems
    """
    for start in ("plot_area", "area"):
        name = f"{start}_rai"
        if name not in frame or frame[name].dtype.kind in "biufc":
            continue
        codes, known = distinct.coded(frame[name])
        rai = np.array([rai_text_to_ha(str(text)) for text in known]) * RAI_PER_HA
        read = ~np.isnan(rai)[codes]
        for part in (f"{start}_ngan", f"{start}_wa"):
            if part in frame:
                read &= ~distinct.flags(frame[part], lambda text: bool(text.strip()))
        if not read.any():
            continue
        cells = frame[name].astype(object).to_numpy(copy=True)
        cells[read] = rai[codes[read]]
        frame[name] = cells
        for code in np.unique(codes[read]):
            rows = np.flatnonzero(read & (codes == code))
            problems.add(
                "area_respelt", file=raw.file, sheet=raw.sheet, column=name, value=known[code],
                row=int(frame["row"].iloc[rows[0]]), rai=f"{rai[code]:g}", count=len(rows),
            )  # fmt: skip
