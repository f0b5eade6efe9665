"""A run's log as TensorBoard draws it, where TensorBoard is installed; without it nothing is written, or said."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Curves:
    def __init__(self, folder: Path, first: int | None) -> None:
        """`first` is the step that is logged first: what an earlier process drew from there on is not shown."""
        self._writer: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about numpy, protobuf and setuptools, by release
                from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder), purge_step=first)
        self._end = weakref.finalize(self, self._writer.close)  # a run that fails closes nothing itself

    def add(self, row: Mapping[str, Any]) -> None:
        if self._writer is None:
            return
        for name, value in row.items():
            if name != "step" and isinstance(value, int | float):
                self._writer.add_scalar(name, value, row.get("step"))
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._end()
