"""The same calls through bespokelabs-curator, for `calls.py`, in that library's environment; prints one JSON line.

    python3 -m venv V && V/bin/pip install bespokelabs-curator==0.1.31
    V/bin/python benchmarks/peer_curator.py --url http://127.0.0.1:PORT/v1 --calls 10000

Its documented interface (curator.LLM, online OpenAI backend with a base_url), its on-disk cache on, in a fresh folder.
Timed is the call on the rows, reading its result included; import and constructor (which sends one POST without
messages, to look at rate-limit headers) are not. Settings that would only slow it down are lifted and say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def prepare(work: str) -> None:
    """Has to happen before the import, which reads all of this."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        sys.exit("not in this environment: pip install bespokelabs-curator==0.1.31")
    os.environ.update(
        HOME=work,  # it writes ~/.cache/.curator_config at import
        CURATOR_CACHE_DIR=str(Path(work, "curator")),
        HF_HOME=str(Path(work, "hf")),
        TELEMETRY_ENABLED="false",
        CURATOR_VIEWER="0",
        LITELLM_LOCAL_MODEL_COST_MAP="True",  # else its price table is fetched at import
        # It loads tiktoken's cl100k_base, fetched unless found here; litellm, which it depends on, ships that file.
        TIKTOKEN_CACHE_DIR=str(Path(found.origin).parent / "litellm_core_utils" / "tokenizers"),
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )
    os.environ.pop("CURATOR_DISABLE_CACHE", None)


def ask(url: str, calls: int, in_flight: int) -> dict[str, Any]:
    from importlib.metadata import version

    from bespokelabs import curator

    class Ask(curator.LLM):
        def prompt(self, row: dict[str, str]) -> str:
            return row["text"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {"text": row["text"], "response": response}

    rows = [{"text": f"Prompt number {i}: answer yes or no."} for i in range(calls)]
    begun = time.perf_counter()
    llm = Ask(
        model_name="fake",
        backend="openai",
        generation_params={"max_tokens": 1},
        backend_params={
            "base_url": url,
            "api_key": "local",
            "max_concurrent_requests": in_flight,
            # Left out, 200 requests a minute; these never bind.
            "max_requests_per_minute": 10**9,
            "max_tokens_per_minute": 10**13,
            # By default a reply that ended with "length" is sent again up to ten times.
            "invalid_finish_reasons": ["content_filter"],
            "require_all_responses": True,
        },
    )
    start = time.perf_counter()
    found = llm(rows).dataset
    texts = found["response"]
    seconds = time.perf_counter() - start
    if len(texts) != calls or len(set(found["text"])) != calls or any(not isinstance(t, str) for t in texts):
        sys.exit(f"{len(texts)} replies to {calls} calls")
    name = "bespokelabs-curator"
    return {"library": name, "version": version(name), "seconds": seconds, "setup_seconds": start - begun}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--in-flight", type=int, default=256)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        prepare(work)
        print(json.dumps(ask(given.url, given.calls, given.in_flight)), flush=True)


if __name__ == "__main__":
    main()
