"""What models in this process have in common: one call at a time, in a thread, answered with the body of an endpoint.

So ledger, budget and engine need not know. What a model is called with and what it writes is its own: it gives a
function from a call to what was answered, which may raise `Refused`; whatever else goes wrong in it becomes one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.errors import ModelError, Refused
from flyreel.models.call import FREE, Call, Price, Reply, whole
from flyreel.models.hub import brief, quiet

IN_FLIGHT = 1
"""There is one model, and it answers one call at a time."""


@dataclass(frozen=True)
class Answered:
    """`likeliest`: first tokens with their log-probabilities, before temperature, where the call asks for them."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    ended: bool = True
    """It said that it is done; False where it was cut off at the most that it may write."""
    likeliest: Sequence[Mapping[str, Any]] = ()


class InThread:
    """`identity` is for the ledger: the digest of all that a reply depends on (`hub.digest_of` the files), so that the
    model is known again in another folder. `answer` runs under torch.inference_mode, never twice at once."""

    def __init__(self, name: str, identity: str, sees: bool, answer: Callable[[Call], Answered]) -> None:
        self.name, self.identity, self.sees = name, identity, sees
        self.price: Price | None = FREE
        self._answer = answer
        self._lock = threading.Lock()
        self._over = threading.Event()

    @property
    def label(self) -> str:
        return self.name

    async def send(self, call: Call) -> Reply:
        """In a thread, and the event loop lives on."""
        start = time.monotonic()
        over = threading.Event()
        try:
            raw = await asyncio.to_thread(self._alone, call, over)
        except asyncio.CancelledError:
            over.set()
            raise
        used_in, used_out = whole(raw)
        return Reply(raw, used_in, used_out, time.monotonic() - start, FREE.of(used_in, used_out))

    async def close(self) -> None:
        """Nothing is held but memory, which goes with this object; it may be asked again."""

    def still_wanted(self) -> None:
        """For `answer` to call between tokens: a call that nobody waits for any more ends there."""
        if self._over.is_set():
            raise NobodyWaits

    def seed(self, call: Call) -> int:
        """For draws: another for each sample and each call, the same again for the same."""
        if "seed" in call.parameters:
            return int(call.parameters["seed"]) + call.sample
        return int.from_bytes(hashlib.sha256(call.key(self.identity, self.name)).digest()[:6], "big")

    def _alone(self, call: Call, over: threading.Event) -> str:
        import torch

        if call.media and not self.sees:
            raise Refused("sees-nothing", f"{self.name} is a model of text")
        with self._lock, torch.inference_mode(), quiet():
            self._over = over
            self.still_wanted()
            try:
                return self._body(self._answer(call))
            except (ModelError, NobodyWaits):
                raise
            except Exception as error:
                if not out_of_memory(error):
                    raise Refused("generation-failed", f"{type(error).__name__}: {brief(error)}") from None
            # Here and not above: the error held what was in memory.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            raise Refused("out-of-memory", "show fewer or smaller frames")

    def _body(self, answered: Answered) -> str:
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop" if answered.ended else "length",
            "message": {"role": "assistant", "content": answered.text},
        }
        if top := list(answered.likeliest):
            choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        used, new = answered.input_tokens, answered.output_tokens
        usage = {"prompt_tokens": used, "completion_tokens": new, "total_tokens": used + new}
        body = {"object": "chat.completion", "model": self.name, "choices": [choice], "usage": usage}
        return json.dumps(body, ensure_ascii=False)


class NobodyWaits(Exception):
    pass


def out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or "can't allocate memory" in str(error)
