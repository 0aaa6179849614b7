"""Reading on a thread of its own, one item ahead: files are read while others are computed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Nothing follows."""


class Ahead(Generic[Item]):
    """Items of a generator, made by another thread; one is ready while the one before is used.

    The generator begins with the ``with`` block and is closed with it.

    Examples
    --------
    >>> with Ahead(number for number in (1, 2, 3)) as coming:
    ...     list(coming)
    [1, 2, 3]
    """

    def __init__(self, items: Generator[Item, None, None]) -> None:
        self._items = items
        self._ready: queue.Queue[Item | _End | BaseException] = queue.Queue()
        self._room = threading.Semaphore(1)
        self._closed = False
        self._thread = threading.Thread(target=self._fill, daemon=True)

    def __enter__(self) -> Ahead[Item]:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        self._room.release()
        self._thread.join()

    def _fill(self) -> None:
        try:
            while self._room.acquire() and not self._closed:
                self._ready.put(next(self._items))
        except StopIteration:
            self._ready.put(_End())
        except BaseException as error:  # noqa: BLE001  (raised where the item is taken)
            self._ready.put(error)
        finally:
            self._items.close()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self._ready.get()
        if isinstance(item, _End):
            self._ready.put(item)
            raise StopIteration
        if isinstance(item, BaseException):
            raise item
        self._room.release()
        return item
