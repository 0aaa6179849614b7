"""One of a kind per file: list a folder's files, import only the one asked for.

Imports next to nothing: ``--help`` needs it.
"""

from __future__ import annotations

import importlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_NOT_MEMBERS = ("__init__", "interface")


def _folder(package: str) -> str:
    return os.path.join(os.path.dirname(__file__), package)  # noqa: PTH118, PTH120


def names(package: str) -> tuple[str, ...]:
    """Names of one plural folder (``commands``, ``formats`` …), in alphabetical order."""
    files = (name[:-3] for name in os.listdir(_folder(package)) if name.endswith(".py"))  # noqa: PTH208
    return tuple(sorted(name for name in files if name not in _NOT_MEMBERS))


def load(package: str, name: str) -> ModuleType:
    """Import one member of a plural folder."""
    return importlib.import_module(f"rubbercarbon.{package}.{name}")


def summary(package: str, name: str) -> str:
    """First line of a member's docstring, read without importing it."""
    path = os.path.join(_folder(package), f"{name}.py")  # noqa: PTH118
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        return stream.readline().strip().strip('"').rstrip(".")
