"""Carbon stocks of rubber and rubber agroforestry, from the tape measure to the plot.

Names load on first use: ``import rubbercarbon`` loads no numba, pandas, scipy or matplotlib.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # of `typing`, whose import would double the time of this one
if TYPE_CHECKING:
    from rubbercarbon.batch import BatchResult as BatchResult
    from rubbercarbon.batch import run_batch as run_batch
    from rubbercarbon.batch_table import estimate_table as estimate_table
    from rubbercarbon.budget import ErrorBudget as ErrorBudget
    from rubbercarbon.censuses import estimate_reading_error as estimate_reading_error
    from rubbercarbon.change import Change as Change
    from rubbercarbon.change import compare_inventories as compare_inventories
    from rubbercarbon.comparison import compare_scenarios as compare_scenarios
    from rubbercarbon.config import Settings as Settings
    from rubbercarbon.credits import CreditResult as CreditResult
    from rubbercarbon.credits import credit as credit
    from rubbercarbon.credits import write_credit as write_credit
    from rubbercarbon.economics import read_prices as read_prices
    from rubbercarbon.errors import RubbercarbonError as RubbercarbonError
    from rubbercarbon.inventory import Inventory as Inventory
    from rubbercarbon.inventory import read_inventory as read_inventory
    from rubbercarbon.polygons import Polygons as Polygons
    from rubbercarbon.polygons import read_polygons as read_polygons
    from rubbercarbon.polygons import write_geojson as write_geojson
    from rubbercarbon.portfolio import PortfolioStocks as PortfolioStocks
    from rubbercarbon.portfolio import estimate_portfolio as estimate_portfolio
    from rubbercarbon.portfolio_runs import write_portfolio as write_portfolio
    from rubbercarbon.portfolio_table import Portfolio as Portfolio
    from rubbercarbon.portfolio_table import read_portfolio as read_portfolio
    from rubbercarbon.projection import Projection as Projection
    from rubbercarbon.projection import project as project
    from rubbercarbon.report import write_report as write_report
    from rubbercarbon.runs import load_run as load_run
    from rubbercarbon.runs import write_run as write_run
    from rubbercarbon.sampling import plots_needed as plots_needed
    from rubbercarbon.scenario_runs import write_comparison as write_comparison
    from rubbercarbon.scenarios.interface import Scenario as Scenario
    from rubbercarbon.scenarios.interface import read_scenario as read_scenario
    from rubbercarbon.scenarios.measured import start_from_inventory as start_from_inventory
    from rubbercarbon.sites import Site as Site
    from rubbercarbon.sites import read_site as read_site
    from rubbercarbon.stocks import Stocks as Stocks
    from rubbercarbon.stocks import estimate_stocks as estimate_stocks

_HOMES = {
    "BatchResult": "rubbercarbon.batch",
    "Change": "rubbercarbon.change",
    "Inventory": "rubbercarbon.inventory",
    "Projection": "rubbercarbon.projection",
    "RubbercarbonError": "rubbercarbon.errors",
    "ErrorBudget": "rubbercarbon.budget",
    "Scenario": "rubbercarbon.scenarios.interface",
    "Settings": "rubbercarbon.config",
    "Site": "rubbercarbon.sites",
    "Stocks": "rubbercarbon.stocks",
    "CreditResult": "rubbercarbon.credits",
    "compare_inventories": "rubbercarbon.change",
    "compare_scenarios": "rubbercarbon.comparison",
    "credit": "rubbercarbon.credits",
    "estimate_reading_error": "rubbercarbon.censuses",
    "estimate_stocks": "rubbercarbon.stocks",
    "estimate_table": "rubbercarbon.batch_table",
    "load_run": "rubbercarbon.runs",
    "plots_needed": "rubbercarbon.sampling",
    "project": "rubbercarbon.projection",
    "read_inventory": "rubbercarbon.inventory",
    "read_prices": "rubbercarbon.economics",
    "read_scenario": "rubbercarbon.scenarios.interface",
    "read_site": "rubbercarbon.sites",
    "run_batch": "rubbercarbon.batch",
    "start_from_inventory": "rubbercarbon.scenarios.measured",
    "write_credit": "rubbercarbon.credits",
    "write_comparison": "rubbercarbon.scenario_runs",
    "write_report": "rubbercarbon.report",
    "Polygons": "rubbercarbon.polygons",
    "Portfolio": "rubbercarbon.portfolio_table",
    "PortfolioStocks": "rubbercarbon.portfolio",
    "estimate_portfolio": "rubbercarbon.portfolio",
    "read_polygons": "rubbercarbon.polygons",
    "read_portfolio": "rubbercarbon.portfolio_table",
    "write_geojson": "rubbercarbon.polygons",
    "write_portfolio": "rubbercarbon.portfolio_runs",
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
