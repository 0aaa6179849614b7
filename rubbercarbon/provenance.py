"""The record of a run, and the folder it is written to."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rubbercarbon.errors import RunFolderError
from rubbercarbon.messages import failure

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
RECORD = "run.json"
PACKAGES = ("rubbercarbon", "numpy", "pandas", "numba")
ROWS_AT_ONCE = 50_000  # of a CSV file
GUARDED = ("=", "+", "-", "@", "\t")


@functools.cache
def version(package: str) -> str:
    """Installed version of a package, ``unknown`` where it is not installed as one."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def run_record(
    settings: Mapping[str, Any],
    digests: Mapping[str, str],
    reading: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """What is needed to say how figures came about; no paths, users or hosts.

    Parameters
    ----------
    settings : mapping
    digests : mapping
        sha256 of each input by file name.
    reading : mapping, optional
        How columns and units of the inputs were read.

    Returns
    -------
    dict
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "settings": dict(settings),
        "reading": {name: dict(values) for name, values in (reading or {}).items()},
        "inputs": [{"file": name, "sha256": digest} for name, digest in sorted(digests.items())],
    }


@contextlib.contextmanager
def run_folder(target: str | Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary sibling folder that takes the target's place when all went well.

    Parameters
    ----------
    target : str or Path
    force : bool
        Replace a folder that is not empty and not a run folder.

    Yields
    ------
    Path
        Folder to write into.

    Raises
    ------
    RunFolderError
        When the target is a file, or a folder with something else in it.
    """
    folder = Path(target)
    if folder.is_file():
        raise failure(RunFolderError, "folder_is_file", folder=folder)
    if folder.is_dir() and not force:
        _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise failure(
            RunFolderError, "folder_unwritable", folder=folder, why=error.strerror
        ) from error
    try:
        fresh.chmod(0o755)
        yield fresh
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    """Raise for a folder that holds anything but the files of a former run."""
    there = {entry.name for entry in folder.iterdir()}
    if there and RECORD not in there:
        raise failure(RunFolderError, "folder_foreign", folder=folder)
    if there:
        try:
            ours = set(json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError):
            ours = set()
        foreign = sorted(there - ours - {RECORD})
        if foreign:
            listed = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
            raise failure(RunFolderError, "folder_has_more", folder=folder, files=listed)


def _swap(fresh: Path, folder: Path) -> None:
    """Put the new folder in the old one's place; the old one goes last."""
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    if folder.exists():
        folder.replace(old / folder.name)
    fresh.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_folder(
    target: str | Path,
    tables: Mapping[str, pd.DataFrame],
    record: Mapping[str, Any],
    *,
    force: bool = False,
    extras: Callable[[Path], None] | None = None,
) -> Path:
    """Write a run folder: a CSV file for each table, further files, the record last.

    Parameters
    ----------
    target : str or Path
    tables : mapping
        By name of file, without suffix.
    record : mapping
    force : bool
    extras : callable, optional
        Writes more files into the folder before it is put in place.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RunFolderError
        When the folder cannot be written or must not be replaced.
    """
    with run_folder(target, force=force) as fresh:
        for name, table in tables.items():
            write_csv(table, fresh / f"{name}.csv")
        if extras is not None:
            extras(fresh)
        write_record(fresh, record)
    return Path(target)


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """``run.json``, with the names of the files beside it."""
    files = sorted({entry.name for entry in folder.iterdir()} | {RECORD})
    text = json.dumps({**record, "files": files}, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """CSV for spreadsheets: UTF-8 with BOM, full precision, formulas made harmless."""
    with path.open("wb") as stream:
        for block in _csv_blocks(frame):
            stream.write(block)


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as the bytes of such a file."""
    return b"".join(_csv_blocks(frame))


def _csv_blocks(frame: pd.DataFrame) -> Iterator[bytes]:
    """The file block by block, so that a long table is not held as text."""
    import pandas as pd  # noqa: PLC0415  (slow import)

    kinds = {name: frame[name].dtype for name in frame.columns}
    texts = [name for name, kind in kinds.items() if kind.kind not in "biufc"]
    for start in range(0, max(len(frame), 1), ROWS_AT_ONCE):
        block = frame.iloc[start : start + ROWS_AT_ONCE].copy(deep=False)
        for name in texts:
            cells = [_harmless(cell) for cell in block[name].to_numpy(dtype=object)]
            block[name] = pd.Series(cells, index=block.index, dtype=object)
        text: str = block.to_csv(index=False, header=start == 0, lineterminator="\n")
        yield text.encode("utf-8-sig" if start == 0 else "utf-8")


def _harmless(cell: object) -> object:
    """A cell with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(GUARDED) else cell
