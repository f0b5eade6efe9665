"""Batches made in threads while others are learnt from, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def ahead(make: Callable[[int], Any], numbers: Iterable[int], count: int) -> Iterator[Iterator[Any]]:
    """`make` of each number. What it raises is raised where that batch is due, after those before it; no thread is left
    afterwards. With a count of 0 each is made when it is due."""
    if count < 1:
        yield map(make, numbers)
        return
    threads = ThreadPoolExecutor(count, thread_name_prefix="batch")
    try:
        yield _in_order(threads, make, numbers, count)
    finally:
        threads.shutdown(cancel_futures=True)


def _in_order(
    threads: ThreadPoolExecutor, make: Callable[[int], Any], numbers: Iterable[int], count: int
) -> Iterator[Any]:
    waiting = deque[Future[Any]]()
    for number in numbers:
        waiting.append(threads.submit(make, number))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
