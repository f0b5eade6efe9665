"""The child process that downloads: `python -m flyreel.fetch.worker`, one job a line in, events a line out.

A thread cannot be ended while it waits for a server that says nothing, or says one byte a second; a process can. It
lives for many jobs, because importing yt-dlp takes as long as a small download. When its parent is gone, killed even,
its standard input ends and so does it: nothing is left running behind a run that was stopped.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from flyreel.fetch.whole import NotWhole, check, ending, sha256


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print may not get between the events
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    from flyreel.fetch.ydl import warm

    warm()
    _say(out, event="ready")
    while True:
        job = jobs.get()
        _say(out, event="end", **_one(job, out))


def _listen(jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


def _say(out: TextIO, **event: Any) -> None:
    out.write(json.dumps(event) + "\n")
    out.flush()


def _one(job: dict[str, Any], out: TextIO) -> dict[str, Any]:
    from flyreel.fetch.ydl import download

    try:
        got = download(job["url"], Path(job["folder"]), job["settings"])
        if got.file is None:
            return {"status": got.status, "reason": got.reason}
        _say(out, event="downloaded")
        facts = check(got.file, got.promised)
        return {
            "status": "ok",
            "file": str(got.file),
            "ending": ending(got.file, got.ending),
            "bytes": got.file.stat().st_size,
            "sha256": sha256(got.file),
            "media": facts,
        }
    except NotWhole as error:
        return {"status": error.status, "reason": error.reason}
    except Exception as error:
        from flyreel.fetch.reasons import plain, status_of

        text = f"{type(error).__name__}: {error}"
        return {"status": status_of(text), "reason": plain(text)}


if __name__ == "__main__":
    main()
