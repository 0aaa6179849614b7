"""Where a batch reads from: Parquet files or CSV files, local or at any fsspec address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rubbercarbon.errors import InventoryError, SettingsError
from rubbercarbon.messages import failure

PARQUET, CSV = (".parquet", ".pq"), (".csv", ".tsv", ".txt")
OTHER_TABLES = (".xlsx", ".xlsm", ".xls", ".ods", ".arrow", ".feather", ".gz", ".zip")
REMOTE = "://"


@dataclass(frozen=True)
class Source:
    """Where a batch reads from, and how it takes the columns."""

    address: str
    mapping: tuple[tuple[str, str], ...] = ()
    units: tuple[tuple[str, str], ...] = ()

    @property
    def filesystem(self) -> Any:
        """The address's file system; None for a local folder."""
        if REMOTE not in self.address:
            return None
        try:
            import fsspec  # noqa: PLC0415
        except ImportError as error:
            raise failure(SettingsError, "batch_no_fsspec", source=self.address) from error
        return fsspec.core.url_to_fs(self.address)[0]

    def files(self) -> list[str]:
        """Names of the files below the address, in order.

        Raises
        ------
        InventoryError
        """
        return self._names((*PARQUET, *CSV))

    def left_out(self) -> list[str]:
        """Files below the address that look like tables, of kinds that a batch does not read."""
        try:
            return self._names(OTHER_TABLES)
        except InventoryError:
            return []

    def _names(self, endings: tuple[str, ...]) -> list[str]:
        if REMOTE in self.address:
            system = self.filesystem
            root = str(system._strip_protocol(self.address)).rstrip("/")  # noqa: SLF001
            found = [root] if system.isfile(root) else system.find(root)
            names = [PurePosixPath(p).relative_to(root).as_posix() for p in found]
        else:
            path = Path(self.address)
            if not path.exists():
                raise failure(InventoryError, "batch_missing", source=self.address)
            inner = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
            names = [p.relative_to(path).as_posix() for p in inner]
        usable = [n for n in names if self.full(n).lower().endswith(endings)
                  and not any(part[0] in "._" for part in n.split("/") if part != ".")]  # fmt: skip
        if not usable:
            allowed = ", ".join((*PARQUET, *CSV))
            raise failure(
                InventoryError, "batch_no_table", source=self.address, allowed=allowed
            )  # fmt: skip
        return sorted(usable)

    def full(self, name: str) -> str:
        """Address of a file."""
        base = self.address.rstrip("/")
        return base if name in {".", ""} else f"{base}/{name}"

    def is_parquet(self, name: str) -> bool:
        """Whether a file is read as Parquet."""
        return self.full(name).lower().endswith(PARQUET)

    def label(self, name: str) -> str:
        """Name of a file for people."""
        return PurePosixPath(self.full(name)).name if name == "." else name

    def open(self, name: str) -> Any:
        """A file open for reading."""
        if REMOTE in self.address:
            return self.filesystem.open(self.full(name), "rb")
        return Path(self.full(name)).open("rb")

    def digest(self, name: str) -> str:
        """The sha256 of a file."""
        with self.open(name) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class Span:
    """Rows ``first`` to ``last`` (not included) of a file, all of whole plots; last -1: its end."""

    file: str
    first: int
    last: int
