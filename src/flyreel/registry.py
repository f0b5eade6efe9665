"""One registry for formats, probes and all that is to come: a new file in the folder is all it takes to add one.

The name and the parameters an entry was called with stay with whatever it made, so that it can be made again.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from flyreel.errors import InputError, did_you_mean

T = TypeVar("T")
M = TypeVar("M")
"""What is registered keeps its own type, with the parameters it has beyond those of the noun."""


@dataclass(frozen=True)
class Entry(Generic[T]):
    name: str
    make: T
    facts: dict[str, Any]

    @property
    def summary(self) -> str:
        return (getattr(self.make, "__doc__", None) or "").strip().split("\n")[0]


@dataclass
class Registry(Generic[T]):
    """`noun` is what error messages call an entry; `package` is the folder whose modules register themselves."""

    noun: str
    package: str
    _entries: dict[str, Entry[T]] = field(default_factory=dict)
    _loaded: bool = False

    def add(self, name: str, **facts: Any) -> Callable[[M], M]:
        def register(made: M) -> M:
            if name in self._entries:
                raise ValueError(f"two {self.noun}s are named {name!r}")
            self._entries[name] = Entry(name, cast(T, made), facts)
            return made

        return register

    def _load(self) -> dict[str, Entry[T]]:
        if not self._loaded:
            folder = importlib.import_module(self.package)
            for module in sorted(m.name for m in pkgutil.iter_modules(folder.__path__)):
                importlib.import_module(f"{self.package}.{module}")
            self._loaded = True
        return self._entries

    def get(self, name: str) -> Entry[T]:
        entries = self._load()
        if name not in entries:
            raise InputError(f"{name}: no such {self.noun}.{did_you_mean(name, entries)}")
        return entries[name]

    def names(self) -> list[str]:
        return sorted(self._load())

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(self._load().values())
