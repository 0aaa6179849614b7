"""Where a batch writes: a local folder, file by file by rename, or an fsspec address.

A part is three files and, last of all, its record with their digests. A part without a sound record
is no part; so a run may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rubbercarbon.errors import RunFolderError
from rubbercarbon.messages import failure

REMOTE = "://"
MANIFEST = "manifest.json"
PLOTS, PROBLEMS, SUMS, RECORDS = "plots", "problems", "sums", "parts"
ENDINGS = {PLOTS: ".parquet", PROBLEMS: ".parquet", SUMS: ".arrow", RECORDS: ".json"}


@dataclass(frozen=True)
class Store:
    """A folder of results."""

    address: str

    @property
    def remote(self) -> Any:
        """File system of an fsspec address; None for a local folder."""
        if REMOTE not in self.address:
            return None
        import fsspec  # noqa: PLC0415

        return fsspec.core.url_to_fs(self.address)[0]

    def _at(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"

    def write(self, name: str, content: bytes, *, settled: bool = True) -> None:
        """Put a file in place whole, or not at all; ``settled``: so that it outlasts a power cut.

        Raises
        ------
        RunFolderError
            For a full disk, or a folder that may not be written to.
        """
        try:
            self._write(name, content, settled)
        except OSError as error:
            raise not_written(self.address, error) from error

    def _write(self, name: str, content: bytes, settled: bool) -> None:
        system = self.remote
        if system is not None:
            system.makedirs(os.path.dirname(self._at(name)), exist_ok=True)  # noqa: PTH120
            system.pipe_file(self._at(name), content)
            return
        path = Path(self.address) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                if settled:
                    stream.flush()
                    os.fsync(stream.fileno())
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(fresh).unlink()
            raise

    def settle(self, names: Iterable[str]) -> None:
        """Wait until files outlast a power cut.

        Raises
        ------
        RunFolderError
        """
        if self.remote is not None:
            return
        try:
            for name in names:
                # Windows asks for the right to write, which a runner may not have of others' files
                mode = "r+b" if os.name == "nt" else "rb"
                with (Path(self.address) / name).open(mode) as stream:
                    os.fsync(stream.fileno())
        except OSError as error:
            raise not_written(self.address, error) from error

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises
        ------
        OSError
        """
        system = self.remote
        if system is not None:
            content: bytes = system.cat_file(self._at(name))
            return content
        return (Path(self.address) / name).read_bytes()

    def files(self) -> list[str]:
        """Names of all files, hidden ones too."""
        system = self.remote
        if system is not None:
            root = str(system._strip_protocol(self.address)).rstrip("/") + "/"  # noqa: SLF001
            found = system.find(root) if system.exists(root) else []
            return [name.removeprefix(root) for name in found]
        root_path = Path(self.address)
        if not root_path.is_dir():
            return []
        return [p.relative_to(root_path).as_posix() for p in root_path.rglob("*") if p.is_file()]

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        system = self.remote
        with contextlib.suppress(FileNotFoundError):
            if system is not None:
                system.rm_file(self._at(name))
            else:
                (Path(self.address) / name).unlink()

    def json(self, name: str) -> dict[str, Any] | None:
        """A JSON file; None where there is none that can be read."""
        try:
            found = json.loads(self.read(name))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def not_written(folder: str, error: OSError) -> RunFolderError:
    """Why results cannot be written."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return failure(RunFolderError, "folder_is_file", folder=folder)
    if isinstance(error, IsADirectoryError) and error.filename2:
        return failure(RunFolderError, "batch_is_folder", name=error.filename2)
    why = error.strerror or str(error)
    return failure(RunFolderError, "batch_not_written", folder=folder, why=why)


def sha256(content: bytes) -> str:
    """Digest of a file's content."""
    return hashlib.sha256(content).hexdigest()


def part_file(kind: str, name: str) -> str:
    """Where a file of a part belongs."""
    return f"{kind}/{name}{ENDINGS[kind]}"


def write_part(store: Store, name: str, files: dict[str, bytes], record: dict[str, Any]) -> None:
    """A part's files, then its record.

    They may be lost in a power cut until they are settled, which the record's digests would tell.

    Raises
    ------
    RunFolderError
    """
    digests = {}
    for kind, content in files.items():
        where = part_file(kind, name)
        store.write(where, content, settled=False)
        digests[where] = sha256(content)
    text = json.dumps({**record, "files": digests}, ensure_ascii=False, sort_keys=True)
    store.write(part_file(RECORDS, name), text.encode(), settled=False)


def sound_part(store: Store, name: str, key: str) -> dict[str, Any] | None:
    """The record of a part that is done for this key, its files unharmed; None otherwise."""
    record = store.json(part_file(RECORDS, name))
    if record is None or record.get("key") != key or not isinstance(record.get("files"), dict):
        return None
    for where, digest in record["files"].items():
        try:
            if sha256(store.read(where)) != digest:
                return None
        except OSError:
            return None
    return record


@contextlib.contextmanager
def one_run_at_a_time(store: Store) -> Iterator[None]:
    """Refuse a second run that writes to the same folder.

    Raises
    ------
    RunFolderError
    """
    if store.remote is not None:
        yield
        return
    path = Path(store.address) / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+b")
    except OSError as error:
        raise not_written(store.address, error) from error
    try:
        if not _locked(stream):
            raise failure(RunFolderError, "batch_locked", folder=store.address)
        yield
    finally:
        stream.close()


def _locked(stream: Any) -> bool:
    """Lock a file for this process; the lock goes with the process, however it ends."""
    try:
        if os.name == "nt":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
