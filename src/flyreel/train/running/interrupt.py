"""Ctrl-C and SIGTERM while a model learns: the step is taken to its end and kept; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flyreel.errors import Stopped


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """What it gives says whether one has come."""
    came = False

    def first(*_: object) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():  # handlers are for the main thread alone
        yield lambda: False
        return
    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    except KeyboardInterrupt:
        raise Stopped("stopped at once; the same command goes on from the last checkpoint") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
