"""The embedded model: llama.cpp in this process, speaking the same protocol on loopback as everybody else."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, MissingExtra
from flyreel.models import catalog
from flyreel.models.call import FREE, Call, Price, Reply
from flyreel.models.endpoint import Endpoint

SLOTS = 2
IN_FLIGHT = 1
"""One call at a time. The orderings of a question share most of their prompt, which stays cached while nothing else
comes between; more calls in flight took 1.2 (blind) to 1.8 times (with a transcript) as long on two cores."""

CONTEXT_PER_SLOT = 4096


class LocalModel:
    """`local:NAME` from the catalogue, or `local:PATH.gguf`.

    Its identity is the digest of the weights, so that the ledger knows the model again whatever port it got today.
    """

    sees = False

    def __init__(self, path: Path, title: str) -> None:
        self.name = path.name
        self.identity = f"sha256:{catalog.sha256_of(path)}"
        self.title = title
        self.price: Price | None = FREE
        self._server = _start(path)
        self._endpoint = Endpoint(
            f"{self._server.listening_address}/v1", self.name, identity=self.identity, price=FREE, timeout=600
        )

    @property
    def label(self) -> str:
        return self.title

    async def send(self, call: Call) -> Reply:
        return await self._endpoint.send(call)

    async def close(self) -> None:
        """Lets go of connections. The model stays loaded as long as this object does, and may be asked again."""
        await self._endpoint.close()


def open_local(name: str, say: catalog.Say = lambda line: None) -> LocalModel:
    """A catalogue name, or the path of any GGUF file."""
    if name.endswith(".gguf") or os.sep in name:
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"local:{name}: no such file")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise InputError(f"{path}: not a GGUF file")
        return LocalModel(path, path.stem)
    model = catalog.known(name)
    _bindings()
    return LocalModel(catalog.fetch(model, say), model.title)


def _bindings() -> Any:
    try:
        import xllamacpp
    except ImportError:
        raise MissingExtra("the embedded model", "local") from None
    return xllamacpp


def _cores() -> int:
    """The cores this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(path: Path) -> Any:
    llama = _bindings()
    params = llama.CommonParams()
    params.model.path = str(path)
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_PER_SLOT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _cores()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.warmup = False
    params.verbosity = -1
    try:
        server = llama.Server(params)
    except RuntimeError as error:
        raise InputError(f"{path}: llama.cpp cannot load it: {error}") from None
    _awake(server)
    return server


def _awake(server: Any) -> None:
    """Waits until it takes work from its queue. A server that is let go of before that never ends: its loop starts when
    it has been told to stop already, and whoever let go waits for ever. A forecast lets go at once."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{server.listening_address}/slots") as told:
        told.read()
