"""What models in this process have in common, with answers written here in place of a network."""

from __future__ import annotations

import asyncio
import threading

import pytest

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import Refused
from flyreel.models._in_thread import Answered, InThread
from flyreel.models.call import Call, Media

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

ASKED = Call(({"role": "user", "content": "Who?"},), {"max_tokens": 4})
PICTURE = Media("0" * 64, "image/png", b"")


def model(answer: object, sees: bool = True) -> InThread:
    return InThread("mine", "sha256:1", sees, answer if callable(answer) else lambda call: answer)  # type: ignore


async def test_a_reply_has_the_body_of_an_endpoint() -> None:
    top = [{"token": "B", "logprob": -0.1}, {"token": "C", "logprob": -2.5}]
    reply = await model(Answered("B", 7, 1, likeliest=top)).send(ASKED)
    assert (reply.text, reply.input_tokens, reply.output_tokens, reply.money) == ("B", 7, 1, 0.0)
    assert reply.message["finish_reason"] == "stop"
    assert reply.first_token == {"B": -0.1, "C": -2.5}
    cut = await model(Answered("B and", 7, 4, ended=False)).send(ASKED)
    assert (cut.message["finish_reason"], cut.first_token) == ("length", None)


async def test_budget_and_engine_take_it_for_any_other_model() -> None:
    caller = Caller(model(Answered("B", 7, 1)), Limits(2), None, Budget(calls=1))
    assert (await caller.ask(ASKED)).text == "B"
    assert caller.tally.sent == 1 and caller.model.label == "mine"


async def test_it_is_asked_in_another_thread_without_gradients_and_once_at_a_time() -> None:
    inside, most, threads = [], [], set()

    def answer(call: Call) -> Answered:
        inside.append(1)
        most.append(len(inside))
        threads.add(threading.current_thread())
        assert torch.is_inference_mode_enabled()
        inside.pop()
        return Answered("B")

    one = model(answer)
    await asyncio.gather(*(one.send(ASKED) for _ in range(20)))
    assert max(most) == 1, "two calls were in it at once"
    assert threading.main_thread() not in threads, "the event loop stood still"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("too-long", "9 tokens"), "too-long"),
        (ValueError("shapes differ\nsecond line"), "generation-failed"),
        (MemoryError(), "out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "out-of-memory"),
    ],
)
async def test_what_goes_wrong_is_one_call_and_has_a_reason(error: Exception, reason: str) -> None:
    left = [error]

    def answer(call: Call) -> Answered:
        if left:
            raise left.pop()
        return Answered("B")

    one = model(answer)
    with pytest.raises(Refused) as refused:
        await one.send(ASKED)
    assert refused.value.reason == reason and "second line" not in str(refused.value)
    assert (await one.send(ASKED)).text == "B", "one failure locks the model for good"


async def test_pictures_for_a_model_of_text_are_refused_and_not_dropped() -> None:
    with pytest.raises(Refused, match="sees-nothing"):
        await model(Answered("B"), sees=False).send(Call(ASKED.messages, media=(PICTURE,)))


async def test_a_call_that_nobody_waits_for_ends_between_tokens_and_another_does_not() -> None:
    loop, begun, on, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), []

    def answer(call: Call) -> Answered:
        loop.call_soon_threadsafe(begun.set)
        on.wait(30)
        try:
            one.still_wanted()
        except BaseException:
            ended.append(call)
            raise
        return Answered("B")

    one = model(answer)
    first = asyncio.create_task(one.send(ASKED))
    await begun.wait()
    waits = asyncio.create_task(one.send(ASKED))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    on.set()
    assert (await waits).text == "B"
    assert len(ended) == 1


def test_draws_differ_by_sample_and_are_the_same_again() -> None:
    one = model(Answered("B"))
    drawn = [one.seed(Call(ASKED.messages, sample=n)) for n in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]
    asked = [one.seed(Call(ASKED.messages, {"seed": 5}, sample=n)) for n in (0, 1)]
    assert asked == [5, 6]
