"""A model of transformers in this process, of text or of text and pictures: `hf:NAME` of the hub, or `hf:FOLDER`.

It answers calls as an endpoint does, with the same bodies, so ledger, budget and engine need not know. A call that
wants a JSON schema gets text as the model writes it: nothing holds it to the schema here. Log-probabilities are of the
first token alone, before temperature.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import math
import threading
import time
from pathlib import Path
from typing import Any, Literal

from flyreel.errors import InputError, ModelError, Refused
from flyreel.models._chat_template import inputs
from flyreel.models._opening import Opened, opened
from flyreel.models.call import FREE, Call, Price, Reply, whole
from flyreel.models.hub import brief, quiet
from flyreel.models.scoring import TOP_LOGPROBS

IN_FLIGHT = 1
"""There is one model, and it answers one call at a time."""

FramesAs = Literal["images", "video"]
FRAMES_AS: tuple[FramesAs, ...] = ("images", "video")


class TransformersModel:
    """Its identity is the digest of its files: the ledger knows it again in another folder. Frames that were shown as
    a video are not what the same model saw in pictures, so that is part of it too."""

    def __init__(self, name: str, with_: Opened, frames_as: FramesAs = "images") -> None:
        self.name = Path(name).name or name
        self.identity = f"sha256:{with_.digest}" + (":video" if frames_as == "video" else "")
        self.price: Price | None = FREE
        self.sees = with_.sees
        self._with = with_
        self._film = frames_as == "video"
        self._lock = threading.Lock()

    @property
    def label(self) -> str:
        return self.name

    async def send(self, call: Call) -> Reply:
        """In a thread, and the event loop lives on. A call that nobody waits for any more ends at its next token."""
        start = time.monotonic()
        watch = _Watch()
        try:
            raw = await asyncio.to_thread(self._answer, call, watch)
        except asyncio.CancelledError:
            watch.over.set()
            raise
        used_in, used_out = whole(raw)
        return Reply(raw, used_in, used_out, time.monotonic() - start, FREE.of(used_in, used_out))

    async def close(self) -> None:
        """Nothing is held but memory, which goes with this object; it may be asked again."""

    def _answer(self, call: Call, watch: _Watch) -> str:
        import torch

        if call.media and not self.sees:
            raise Refused("sees-nothing", f"{self.name} is a model of text")
        with self._lock, torch.inference_mode(), quiet():
            if watch.over.is_set():
                raise _NobodyWaits
            try:
                return self._generated(call, watch)
            except (ModelError, _NobodyWaits):
                raise
            except Exception as error:
                if not _out_of_memory(error):
                    raise Refused("generation-failed", f"{type(error).__name__}: {brief(error)}") from None
            # Here and not above: the error held what was in memory.
            if self._with.device == "cuda":
                torch.cuda.empty_cache()
            raise Refused("out-of-memory", "show fewer or smaller frames")

    def _generated(self, call: Call, watch: _Watch) -> str:
        import torch
        from transformers import LogitsProcessorList

        model, device = self._with.model, self._with.device
        given = {name: _there(value, model) for name, value in self._inputs(call).items()}
        used = int(given["input_ids"].shape[1])
        room = self._with.limit - used
        if room < 1:
            raise Refused("too-long", f"{used:,} tokens, and the model has positions for {self._with.limit:,}")
        most = min(call.output_tokens_most, room)
        with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
            torch.manual_seed(self._seed(call))
            out = model.generate(
                **given, **_drawing(call.parameters), max_new_tokens=most, num_beams=1,
                logits_processor=LogitsProcessorList([watch]),
            )  # fmt: skip
        new = out[0, -watch.tokens :].tolist()
        ended = new[-1] in self._with.ends
        text = self._with.reader.tokenizer.decode(
            new, skip_special_tokens=True, clean_up_tokenization_spaces=False
        ).strip()
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop" if ended else "length",
            "message": {"role": "assistant", "content": text},
        }
        if call.parameters.get("logprobs"):
            top = self._likeliest(watch.first, int(call.parameters.get("top_logprobs", TOP_LOGPROBS)))
            choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        usage = {"prompt_tokens": used, "completion_tokens": len(new), "total_tokens": used + len(new)}
        body = {"object": "chat.completion", "model": self.name, "choices": [choice], "usage": usage}
        return json.dumps(body, ensure_ascii=False)

    def _inputs(self, call: Call) -> dict[str, Any]:
        try:
            return inputs(self._with.reader, call, self._film)
        except ModelError:
            raise
        except Exception as error:  # each processor has its own way to say what it does not take
            if _out_of_memory(error):
                raise
            raise Refused("not-taken-by-processor", f"{type(error).__name__}: {brief(error)}") from None

    def _seed(self, call: Call) -> int:
        """Another for each sample and each call, the same again for the same."""
        if "seed" in call.parameters:
            return int(call.parameters["seed"]) + call.sample
        return int.from_bytes(hashlib.sha256(call.key(self.identity, self.name)).digest()[:6], "big")

    def _likeliest(self, logits: Any, n: int) -> list[dict[str, Any]]:
        """Tokens that read alike, such as two of half a character each, are one entry."""
        tokenizer = self._with.reader.tokenizer
        found = logits.log_softmax(-1).topk(min(max(n, 1), logits.shape[-1]))
        by_text: dict[str, float] = {}
        for logprob, token in zip(found.values.tolist(), found.indices.tolist(), strict=True):
            text = tokenizer.decode([token], clean_up_tokenization_spaces=False)
            if str(tokenizer.convert_ids_to_tokens(token))[:1] in ("▁", "Ġ") and not text.startswith(" "):
                text = f" {text}"
            by_text[text] = math.log(math.exp(by_text.get(text, -math.inf)) + math.exp(max(logprob, -700.0)))
        return [{"token": t, "logprob": p} for t, p in sorted(by_text.items(), key=lambda entry: -entry[1])]


class _NobodyWaits(Exception):
    pass


class _Watch:
    """Stands among the logits processors: keeps the first token's logits, counts, and ends what nobody waits for."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.first: Any = None
        self.tokens = 0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self.over.is_set():
            raise _NobodyWaits
        if self.first is None:
            self.first = scores[0].float()
        self.tokens += 1
        return scores


def _drawing(parameters: dict[str, Any]) -> dict[str, Any]:
    """As endpoints have it, where not saying a temperature is to say 1."""
    temperature = float(parameters.get("temperature", 1.0))
    if temperature <= 0:
        return {"do_sample": False}
    return {
        "do_sample": True, "temperature": temperature, "top_p": float(parameters.get("top_p", 1.0)), "top_k": 0,
    }  # fmt: skip


def _there(value: Any, model: Any) -> Any:
    """Where the model is, and numbers with a point in its precision."""
    if not hasattr(value, "is_floating_point"):
        return value
    return value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)


def _out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or "can't allocate memory" in str(error)


def open_in_process(name: str, frames_as: FramesAs = "images") -> TransformersModel:
    """A name of the hub, or the folder that a model was saved to."""
    with_ = opened(name)
    if frames_as == "video" and not with_.films:
        raise InputError(f"hf:{name}: {_no_video(with_)}; or leave frames_as out")
    return TransformersModel(name, with_, frames_as)


def _no_video(with_: Opened) -> str:
    if not hasattr(with_.reader.processor, "video_processor"):
        return "takes no video: name another model"
    if importlib.util.find_spec("torchvision") is None:
        return 'frames_as = "video" needs torchvision: pip install torchvision'
    return "its processor has no video half: name another model"
