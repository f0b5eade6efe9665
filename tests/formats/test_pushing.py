"""Pushing to a hub: what arrives is what lies here, and every refusal is one line. The hub is one on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import pytest_asyncio
from aiohttp import web
from huggingface_hub import constants

from flyreel.errors import FlyreelError, InputError, MissingExtra
from flyreel.formats import pushing
from flyreel.formats.exporting import Request, run
from flyreel.tables import write_jsonl

TOKEN = "hf_right"


class Hub:
    """The few addresses that an upload goes to. `stands` holds the repositories by name, `private` or not."""

    def __init__(self) -> None:
        self.stands: dict[str, bool] = {}
        self.files: dict[str, bytes] = {}
        self.breaks = False

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.refusing])
        app.router.add_post("/api/repos/create", self.create)
        app.router.add_post("/api/validate-yaml", self.validate)
        app.router.add_get("/api/datasets/{owner}/{name}", self.info)
        app.router.add_get("/api/datasets/{owner}/{name}/revision/{revision}", self.info)
        app.router.add_post("/api/datasets/{owner}/{name}/preupload/{revision}", self.preupload)
        app.router.add_post("/api/datasets/{owner}/{name}/commit/{revision}", self.commit)
        return app

    @web.middleware
    async def refusing(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path != "/api/validate-yaml" and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "Invalid username or password."}, status=401)
        return await handler(request)

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = f"{asked['organization']}/{asked['name']}"
        url = f"{request.url.origin()}/datasets/{name}"
        assert asked["type"] == "dataset"
        if name in self.stands:
            return web.json_response({"error": "You already created this dataset repo", "url": url}, status=409)
        self.stands[name] = asked.get("visibility") == "private" or bool(asked.get("private"))
        return web.json_response({"url": url, "name": name, "id": name})

    async def validate(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert asked["repoType"] == "dataset"
        assert asked["content"].startswith("---\n")
        return web.json_response({"errors": [], "warnings": []})

    async def info(self, request: web.Request) -> web.Response:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        return web.json_response(
            {"id": name, "private": self.stands[name], "sha": "0" * 40, "siblings": [], "tags": []}
        )

    async def preupload(self, request: web.Request) -> web.Response:
        asked = await request.json()
        files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked["files"]]
        return web.json_response({"files": files})

    async def commit(self, request: web.Request) -> web.Response:
        if self.breaks:
            return web.json_response({"error": "The repository is full"}, status=400)
        for line in (await request.text()).splitlines():
            told = json.loads(line)
            if told["key"] == "file":
                assert told["value"]["encoding"] == "base64"
                self.files[told["value"]["path"]] = base64.b64decode(told["value"]["content"])
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        url = f"{request.url.origin()}/datasets/{name}/commit/{'1' * 40}"
        return web.json_response({"commitUrl": url, "commitOid": "1" * 40})


@pytest_asyncio.fixture
async def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    made = Hub()
    runner = web.AppRunner(made.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield made
    await runner.cleanup()
    if hasattr(huggingface_hub, "close_session"):
        huggingface_hub.close_session()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [
        {"id": str(i), "question": "Which?", "choices": ["red", "green"], "answer": 1, "split": split}
        for i, split in enumerate(["test", "val", "test"])
    ]
    return write_jsonl(tmp_path / "set.jsonl", rows)


async def pushed(source: Path, **more: Any) -> Any:
    asked = Request(**{"to": "huggingface", "file": source, "out": source.parent / "out", "push": "ann/set", **more})
    return (await asyncio.to_thread(run, asked))[0]


async def test_what_arrives_is_what_lies_here(hub: Hub, source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = await pushed(source)
    assert hub.files == {p.relative_to(done.out).as_posix(): p.read_bytes() for p in done.files}
    assert {"README.md", "data/test-00000-of-00001.parquet", "data/val-00000-of-00001.parquet"} <= set(hub.files)
    assert hub.stands == {"ann/set": False}
    assert done.notes[-1].startswith("pushed to http://127.0.0.1:")
    assert done.notes[-1].endswith("/datasets/ann/set")
    assert capfd.readouterr() == ("", ""), "no progress bars and no advice of the library"


async def test_a_private_one_is_made_private_and_pushed_to_again(hub: Hub, source: Path) -> None:
    await pushed(source, private=True)
    assert hub.stands == {"ann/set": True}
    hub.files.clear()
    await pushed(source, private=True)
    assert "README.md" in hub.files


async def test_nothing_goes_to_a_public_repository_where_a_private_one_was_asked_for(hub: Hub, source: Path) -> None:
    hub.stands["ann/set"] = False
    with pytest.raises(InputError, match=r"ann/set is there already and is public; make it private first"):
        await pushed(source, private=True)
    assert hub.files == {}


@pytest.mark.parametrize("token", ["hf_wrong", ""])
async def test_a_refused_token_is_one_line_and_what_was_written_stays(
    hub: Hub, source: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError) as refused:
        await pushed(source)
    out = source.parent / "out"
    assert str(refused.value) == (
        f"--push ann/set: the hub refuses the token (401); set HF_TOKEN to one that may write there. "
        f"What was written stays in {out}"
    )
    assert (out / "README.md").is_file()
    assert hub.files == {}


async def test_a_hub_that_fails_is_one_line(hub: Hub, source: Path) -> None:
    hub.breaks = True
    with pytest.raises(FlyreelError, match=r"^--push ann/set: not pushed: ") as failed:
        await pushed(source)
    assert "\n" not in str(failed.value)
    assert failed.value.exit_code == 1, "not the fault of what the user wrote"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"to": "csv"}, "--push: the hub takes the format huggingface, not csv"),
        ({"push": "set"}, "--push: 'set' is not the name of a repository; write OWNER/NAME"),
        ({"push": "ann/b/c"}, "'ann/b/c' is not the name of a repository"),
        ({"push": "ann/se t"}, "'ann/se t' is not the name of a repository"),
        ({"push": None, "private": True}, "--private is about what --push OWNER/NAME makes"),
    ],
)
async def test_what_can_be_known_to_fail_fails_before_anything_is_written(
    hub: Hub, source: Path, more: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        await pushed(source, **more)
    assert not (source.parent / "out").exists()
    assert hub.stands == {}


def test_without_the_library_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"flyreel\[fetch\]"):
        pushing.check("ann/set", "huggingface")
