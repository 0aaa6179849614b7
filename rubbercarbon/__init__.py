"""Carbon stocks of rubber and rubber agroforestry, from the tape measure to the plot.

Names load on first use: ``import rubbercarbon`` loads no numba, pandas, scipy or matplotlib.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # of `typing`, whose import would double the time of this one
if TYPE_CHECKING:
    from rubbercarbon.budget import ErrorBudget as ErrorBudget
    from rubbercarbon.censuses import estimate_reading_error as estimate_reading_error
    from rubbercarbon.change import Change as Change
    from rubbercarbon.change import compare_inventories as compare_inventories
    from rubbercarbon.config import Settings as Settings
    from rubbercarbon.errors import RubbercarbonError as RubbercarbonError
    from rubbercarbon.inventory import Inventory as Inventory
    from rubbercarbon.inventory import read_inventory as read_inventory
    from rubbercarbon.runs import load_run as load_run
    from rubbercarbon.runs import write_run as write_run
    from rubbercarbon.sampling import plots_needed as plots_needed
    from rubbercarbon.stocks import Stocks as Stocks
    from rubbercarbon.stocks import estimate_stocks as estimate_stocks

_HOMES = {
    "Change": "rubbercarbon.change",
    "Inventory": "rubbercarbon.inventory",
    "RubbercarbonError": "rubbercarbon.errors",
    "ErrorBudget": "rubbercarbon.budget",
    "Settings": "rubbercarbon.config",
    "Stocks": "rubbercarbon.stocks",
    "compare_inventories": "rubbercarbon.change",
    "estimate_reading_error": "rubbercarbon.censuses",
    "estimate_stocks": "rubbercarbon.stocks",
    "load_run": "rubbercarbon.runs",
    "plots_needed": "rubbercarbon.sampling",
    "read_inventory": "rubbercarbon.inventory",
    "write_run": "rubbercarbon.runs",
}
__version__ = "0.1.0"
__all__ = sorted(_HOMES)  # noqa: PLE0605  (built from the one list above)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'rubbercarbon' has no attribute '{name}'")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
