"""The parent's side of the workers: as many processes as asked for, each with one download, ended when it is late."""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from flyreel.fetch.job import Job, Settings

START = 120.0
"""Seconds a process may take until it can download; a machine with much else to do needs some of them."""
CHECK = 300.0
"""Seconds for reading a finished download to its end; --timeout is about the network."""

Outcome = dict[str, Any]


class Late(Exception):
    pass


class Gone(Exception):
    pass


class Worker:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._ended = False

    def do(self, job: dict[str, Any], timeout: float) -> Outcome:
        try:
            self._started()
            self._write(job)
            event = self._event(timeout)
            if event["event"] == "downloaded":
                timeout = CHECK
                event = self._event(timeout)
            return event
        except Late:
            self.kill()
            return {"status": "timeout", "reason": f"not done after {timeout:g} s"}
        except Gone:
            code = self.kill()
            return {
                "status": "failed",
                "reason": f"the process that downloaded it ended ({code}), out of memory perhaps",
            }

    def _started(self) -> None:
        if self._process is None:
            # a session of its own: Ctrl-C reaches the parent only, and what the worker starts is ended with it
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flyreel.fetch.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._rest = b""
            if self._ended:  # the run was stopped while the process was being made
                raise Gone
            try:
                self._event(START)
            except Late:
                raise Gone from None

    def _write(self, job: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Gone from None

    def _event(self, timeout: float) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise Late
            read = os.read(self._process.stdout.fileno(), 1 << 16)
            if not read:
                raise Gone
            self._rest += read
        line, self._rest = self._rest.split(b"\n", 1)
        return dict(json.loads(line))

    def kill(self) -> int | None:
        """End the process and all it started; the next job gets a new one. For the thread that this worker is of."""
        process, self._process = self._process, None
        if process is None:
            return None
        _signal(process)
        with process:
            return process.wait()

    def end(self) -> None:
        """For any other thread: the process ends, and the thread that waits for it finds that out by itself."""
        self._ended = True
        if (process := self._process) is not None:
            _signal(process)


def _signal(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def outcomes(jobs: Sequence[Job], part: Path, settings: Settings) -> Generator[tuple[Job, Outcome], None, None]:
    """Each job with what came of it, as they end. Leaving the loop early ends the workers at once.

    A worker takes its next job when the caller has come back for more: what it brought is kept by then, and a kill
    costs what is being downloaded and nothing else.
    """
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, Outcome, threading.Event]] = queue.SimpleQueue()
    for job in jobs:
        todo.put(job)
    stopped = threading.Event()
    workers = [(Worker(), threading.Event()) for _ in range(min(settings.workers, len(jobs)))]

    def work(worker: Worker, kept: threading.Event) -> None:
        try:
            while True:
                job = todo.get_nowait()
                outcome = _in_folder(worker, job, part / job.name, settings)
                kept.clear()
                if stopped.is_set():  # looked at after `clear`, or the last `set` could be missed
                    return
                done.put((job, outcome, kept))
                kept.wait()
        except queue.Empty:
            pass
        finally:
            worker.kill()

    threads = [threading.Thread(target=work, args=both, daemon=True) for both in workers]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            job, outcome, kept = done.get()
            yield job, outcome
            kept.set()
    finally:
        stopped.set()
        for worker, kept in workers:
            worker.end()
            kept.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join(10)


def _in_folder(worker: Worker, job: Job, folder: Path, settings: Settings) -> Outcome:
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        outcome = worker.do({"url": job.source, "folder": str(folder), "settings": settings.sent()}, settings.timeout)
    except OSError as error:
        outcome = {"status": "failed", "reason": f"{folder}: {error.strerror or error}"}
    if outcome["status"] != "ok":
        shutil.rmtree(folder, ignore_errors=True)
    return outcome
