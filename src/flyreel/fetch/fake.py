"""A host on loopback that serves clips in every way that goes wrong. Public: tests and examples download from it.

with Host() as host:
    host.gives("/whole.gif", body, "image/gif")
    host.breaks_off("/short.mp4", body)
    …
    host.asked("/whole.gif")        how often anybody asked for it
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Answer = Callable[["Handler"], None]
END = 600.0
"""Seconds after which a stalled answer is given up even if nobody closes the host."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.log[self.path] += 1
            if cookie := self.headers.get("Cookie"):
                self.server.cookies.add((self.path, cookie))
        answer = self.server.answers.get(self.path)
        with suppress(OSError):  # the other side has gone: what most of these answers are for
            if answer is None:
                self.send_error(404)
            else:
                answer(self)
        self.close_connection = True

    def head(self, type: str, length: int | None = None, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", type)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the host's log is a count."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.log: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.cookies: set[tuple[str, str]] = set()
        self.closing = threading.Event()


class Host:
    def __init__(self) -> None:
        self._server = Server()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Host:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def asked(self, path: str) -> int:
        with self._server.lock:
            return self._server.log[path]

    def cookies(self, path: str) -> set[str]:
        with self._server.lock:
            return {cookie for asked, cookie in self._server.cookies if asked == path}

    def gives(self, path: str, body: bytes, type: str = "video/mp4") -> str:
        def answer(handler: Handler) -> None:
            handler.head(type, len(body))
            handler.wfile.write(body)

        return self._route(path, answer)

    def refuses(self, path: str, code: int) -> str:
        return self._route(path, lambda handler: handler.head("text/plain", 0, code))

    def moves(self, path: str, to: str) -> str:
        return self._route(path, lambda handler: handler.head("text/plain", 0, 302, Location=to))

    def breaks_off(self, path: str, body: bytes) -> str:
        """Promises the whole and sends half, every time."""

        def answer(handler: Handler) -> None:
            handler.head("video/mp4", len(body))
            handler.wfile.write(body[: len(body) // 2])

        return self._route(path, answer)

    def stalls(self, path: str) -> str:
        """Takes the request and never says a word."""

        def answer(handler: Handler) -> None:
            handler.server.closing.wait(END)

        return self._route(path, answer)

    def drips(self, path: str, body: bytes, every: float = 0.1) -> str:
        """A byte at a time: no wait is ever long enough for a socket's own time-out."""

        def answer(handler: Handler) -> None:
            handler.head("video/mp4", len(body))
            for at in range(len(body)):
                handler.wfile.write(body[at : at + 1])
                if handler.server.closing.wait(every):
                    return

        return self._route(path, answer)

    def floods(self, path: str, start: bytes, stated: int | None = None) -> str:
        """More than anybody wants: `stated` bytes, or without end where no length is stated."""

        def answer(handler: Handler) -> None:
            handler.head("video/mp4", stated)
            handler.wfile.write(start)
            sent = len(start)
            while not handler.server.closing.is_set() and (stated is None or sent < stated):
                handler.wfile.write(b"\0" * 65_536)
                sent += 65_536

        return self._route(path, answer)

    def _route(self, path: str, answer: Answer) -> str:
        self._server.answers[path] = answer
        return self.url(path)
