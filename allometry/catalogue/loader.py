"""Catalogue files to records: lazily, once, with the user's own folders added."""

from __future__ import annotations

import csv
import difflib
import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allometry.catalogue.schema import Equation, Source
from allometry.catalogue.source_reader import read_source
from allometry.errors import CatalogueError, UnknownEquation

FOLDER = Path(__file__).parent
_folders: list[Path] = [FOLDER / "sources"]
_revision = [0]  # counts the changes of the user's own files
_seen: dict[Path, tuple[tuple[Path, int], ...]] = {}


def add_catalogue(folder: str | Path) -> list[str]:
    """Add the user's own source files; they are validated at once, and read anew if changed.

    Parameters
    ----------
    folder : str or Path
        A folder of ``<key>.toml`` files in the schema of ``catalogue/sources``, or one such file.

    Returns
    -------
    list of str
        Ids of the equations found.

    Raises
    ------
    CatalogueError
        For a folder that does not exist, a broken file, or an id that is already taken.
    """
    path = Path(folder)
    if not path.exists():
        raise CatalogueError(
            str(path), ["no such folder; give a folder of .toml files, or one such file"]
        )
    state = tuple((file, file.stat().st_mtime_ns) for file in _files_of(path))
    if _seen.get(path) != state:
        _seen[path] = state
        get_equation.cache_clear()
        _revision[0] += 1
    found = [equation.id for file in _files_of(path) for equation in _load(file)[1]]
    taken = sorted(set(found) & {equation.id for equation in all_equations()})
    if path not in _folders and taken:
        raise CatalogueError(str(path), [f"the ids {', '.join(taken)} exist already; rename them"])
    if path not in _folders:
        _folders.append(path)
    return found


def _files_of(folder: Path) -> list[Path]:
    return [folder] if folder.is_file() else sorted(folder.glob("*.toml"))


def revision() -> int:
    """Changes whenever the user's own equations may have."""
    return _revision[0]


def _load(file: Path) -> tuple[Source, tuple[Equation, ...]]:
    return _load_version(file, 0 if file.parent == FOLDER / "sources" else file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _load_version(file: Path, version: int) -> tuple[Source, tuple[Equation, ...]]:  # noqa: ARG001
    return read_source(file.name, read_toml(file))


def read_toml(file: Path) -> dict[str, Any]:
    """Parse one TOML file.

    Raises
    ------
    CatalogueError
        With the parser's line and column.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(file.name, [f"not valid TOML: {error}"]) from error


def all_equations() -> Iterator[Equation]:
    """Every equation of every folder, in file order."""
    for folder in _folders:
        for file in _files_of(folder):
            yield from _load(file)[1]


@functools.cache
def get_equation(equation_id: str) -> Equation:
    """One record by id; only files whose name begins the id are read.

    Raises
    ------
    UnknownEquation
        With the nearest ids.
    """
    for folder in _folders:
        for file in _files_of(folder):
            if equation_id.startswith(file.stem):
                for equation in _load(file)[1]:
                    if equation.id == equation_id:
                        return equation
    ids = [equation.id for equation in all_equations()]
    raise UnknownEquation(
        equation_id, difflib.get_close_matches(equation_id, ids, 3, 0.5), len(ids)
    )


def read_csv(name: str) -> list[dict[str, str]]:
    """Rows of one CSV file of the catalogue folder."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@functools.cache
def constant(name: str) -> float:
    """One figure of ``constants.toml``."""
    return float(read_toml(FOLDER / "constants.toml")[name]["value"])


@functools.cache
def ladder() -> dict[str, Any]:
    """The default ladder: which equation, height model and carbon fraction stands for what."""
    return read_toml(FOLDER / "ladder.toml")


@dataclass(frozen=True, slots=True)
class CarbonFraction:
    """Carbon over dry mass, with its source."""

    id: str
    value: float
    citation: str
    grade: str


@functools.cache
def carbon_fractions() -> dict[str, CarbonFraction]:
    """Carbon fractions by id."""
    return {
        row["id"]: CarbonFraction(
            row["id"], float(row["carbon_fraction"]), row["citation"], row["grade"]
        )
        for row in read_csv("carbon_fractions.csv")
    }
