"""Seconds by part of `pick.keyframes`, taken from outside by wrapping what it calls: the source has no clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any
from unittest.mock import patch


class Watch:
    def __init__(self) -> None:
        self.took: dict[str, float] = defaultdict(float)
        self.embedded = 0

    def call(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args, **named)
            finally:
                self.took[part] += perf_counter() - start

        return timed

    def iterate(self, part: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def timed(*args: Any, **named: Any) -> Iterator[Any]:
            step = self.call(part, function(*args, **named).__next__)
            while True:
                try:
                    found = step()
                except StopIteration:
                    return
                yield found

        return timed

    @contextmanager
    def on_pick(self) -> Iterator[None]:
        from flyreel.video import decode, pick

        wrapped = [
            (decode, "inspect", self.call("inspect", decode.inspect)),
            (decode, "stream", self.iterate("decode+resize", decode.stream)),
            (pick, "content_sha256", self.call("hash", pick.content_sha256)),
            (pick, "thumbnail", self.call("copies", pick.thumbnail)),
            (pick, "detect", self.call("shots", pick.detect)),
            (pick, "select", self.call("selection", pick.select)),
        ]
        with ExitStack() as stack:
            for place, name, function in wrapped:
                stack.enter_context(patch.object(place, name, function))
            yield


class Watched:
    """An embedder whose time and frames are counted."""

    def __init__(self, embedder: Any, watch: Watch) -> None:
        self.id, self.size = embedder.id, embedder.size
        self._images, self._watch = watch.call("embedder", embedder.images), watch
        self.texts = watch.call("query", embedder.texts)

    def images(self, frames: Any) -> Any:
        self._watch.embedded += len(frames)
        return self._images(frames)
