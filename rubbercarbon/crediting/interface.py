"""What a crediting programme is: a profile and lines of its own.

A programme ``t-ver-s-meth-13-01`` is the module ``t_ver_s_meth_13_01`` and the file
``parameters/t-ver-s-meth-13-01.toml``. The module has ``own_lines(case)``: lines of the ladder that
no switch of the profile covers (other pools, formulas of its own).
"""

from __future__ import annotations

from rubbercarbon import registry
from rubbercarbon.cases import Case, Line


def own_lines(case: Case) -> list[Line]:
    """Lines that the case's programme adds to the common ones."""
    module = registry.load("crediting", case.profile.id.replace("-", "_"))
    lines: list[Line] = module.own_lines(case)
    return lines
