"""Reading ahead: order, errors where they belong, an end that leaves nothing running."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from rubbercarbon.batch_ahead import Ahead


def _numbers(count: int, made: list[int]) -> Generator[int, None, None]:
    for number in range(count):
        made.append(number)
        yield number


def test_items_come_in_order_and_one_is_ready_at_most() -> None:
    made: list[int] = []
    with Ahead(_numbers(50, made)) as coming:
        for taken, number in enumerate(coming):
            assert number == taken
            assert len(made) <= taken + 2
    assert made == list(range(50))


def test_an_error_is_raised_where_its_item_would_have_been() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("of the file")

    with Ahead(broken()) as coming:
        assert next(coming) == 1
        with pytest.raises(ValueError, match="of the file"):
            next(coming)


def test_leaving_early_closes_the_generator_and_ends_the_thread() -> None:
    closed: list[str] = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.append(threading.current_thread().name)

    before = threading.active_count()
    with Ahead(endless()) as coming:
        assert next(coming) == 1
    assert closed
    assert closed != [threading.current_thread().name]
    assert threading.active_count() == before
