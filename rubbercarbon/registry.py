"""One of a kind per file: list a folder's files, import only the one asked for."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def names(package: str) -> tuple[str, ...]:
    """Names of one plural folder (``commands``, ``formats`` …), in alphabetical order."""
    folder = Path(__file__).parent / package
    found = (module.name for module in pkgutil.iter_modules([str(folder)]))
    return tuple(sorted(name for name in found if name != "interface"))


def load(package: str, name: str) -> ModuleType:
    """Import one member of a plural folder."""
    return importlib.import_module(f"rubbercarbon.{package}.{name}")


def summary(package: str, name: str) -> str:
    """First line of a member's docstring, read without importing it."""
    path = Path(__file__).parent / package / f"{name}.py"
    with path.open(encoding="utf-8") as stream:
        return stream.readline().strip().strip('"').rstrip(".")
