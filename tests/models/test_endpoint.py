"""One call in, one reply or one typed error out, against the public fake server over real HTTP."""

from __future__ import annotations

import pytest

from flyreel.errors import InputError, Refused, Retryable
from flyreel.models import fake, roles
from flyreel.models.call import Call, Price
from flyreel.models.endpoint import Endpoint
from flyreel.models.fake import FakeServer, Faults
from flyreel.models.scoring import letter_call

CALL = letter_call(({"role": "user", "content": "Pick.\nA) one\nB) longer one"},))


async def test_a_reply_with_its_log_probabilities_usage_and_price() -> None:
    async with FakeServer(fake.prefer(len)) as server:
        endpoint = Endpoint(server.url, "fake", price=Price(input=1e6, output=1e6))
        reply = await endpoint.send(CALL)
        await endpoint.close()
    assert reply.text == "B"
    assert reply.first_token is not None and reply.first_token["B"] > reply.first_token["A"]
    assert reply.money == reply.input_tokens + reply.output_tokens > 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("rate_limit", "http-429"),
        ("server_error", "http-500"),
        ("malformed", "malformed-reply"),
        ("truncated", "truncated-reply"),
        ("reset", "connection-lost"),
        ("hang", "timeout"),
    ],
)
async def test_every_fault_is_retryable_under_its_own_name(fault: str, reason: str) -> None:
    async with FakeServer(fake.always("A"), faults=Faults(**{fault: 1.0}), retry_after=0.25) as server:
        endpoint = Endpoint(server.url, "fake", timeout=0.3)
        with pytest.raises(Retryable) as raised:
            await endpoint.send(CALL)
        await endpoint.close()
    assert raised.value.reason == reason
    assert raised.value.after == (0.25 if fault == "rate_limit" else None)


async def test_nobody_there_is_retryable_for_a_call_and_a_wrong_input_for_a_user() -> None:
    async with FakeServer(fake.always("A")) as server:
        url = server.url
    endpoint = Endpoint(url, "fake")
    with pytest.raises(Retryable, match="unreachable"):
        await endpoint.send(CALL)
    await endpoint.close()
    with pytest.raises(InputError, match="no model answers there"):
        await roles.connect(roles.Spec(url=url))


async def test_what_the_endpoint_will_say_again_is_refused_at_once() -> None:
    async with FakeServer(fake.always("A")) as server:
        endpoint = Endpoint(server.url + "/nowhere", "fake")
        with pytest.raises(Refused, match="http-404"):
            await endpoint.send(CALL)
        await endpoint.close()


async def test_the_model_is_asked_its_name_where_none_is_given() -> None:
    async with FakeServer(fake.always("A"), name="served-name") as server:
        model = await roles.connect(roles.Spec(url=server.url))
        named = await roles.connect(roles.Spec(url=server.url, name="mine"))
    assert (model.name, named.name) == ("served-name", "mine")


async def test_a_wrong_key_is_told_apart_from_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("FLYREEL_API_KEY", "wrong")
    async with FakeServer(fake.always("A"), key="right") as server:
        with pytest.raises(InputError, match="the key was refused"):
            await roles.connect(roles.Spec(url=server.url))
        monkeypatch.setenv("FLYREEL_API_KEY", "right")
        assert (await roles.connect(roles.Spec(url=server.url))).name == "fake"


def test_an_address_that_is_none_is_said_so() -> None:
    with pytest.raises(InputError, match="not an http"):
        Endpoint("localhost:8000", "m")


async def test_text_with_lone_surrogates_is_sent_and_not_a_crash() -> None:
    async with FakeServer(fake.always("A")) as server:
        endpoint = Endpoint(server.url, "fake")
        reply = await endpoint.send(Call(messages=({"role": "user", "content": "broken \ud800 text"},)))
        await endpoint.close()
    assert reply.text == "A"
