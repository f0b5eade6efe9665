"""One open file, read once: its packets are kept (compressed, up to a bound) for the decoding that follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from flyreel.video import container
from flyreel.video.limits import BadMedia, Clock, Limits

KEPT = 256 << 20
"""Bytes of packets held; a larger file is read again from its start."""


class Source:
    """With `partial`, what cannot be read or decoded is left out; otherwise it is an error."""

    def __init__(self, path: Path, file: BinaryIO, limits: Limits, clock: Clock, partial: bool) -> None:
        self.path, self.limits, self.clock, self.partial = path, limits, clock, partial
        self._file = file
        self._stack = ExitStack()
        self._kept: list[Any] | None = None
        self.open()

    def open(self) -> None:
        self._stack.close()
        self.container, self.stream = self._stack.enter_context(
            container.demuxed(self.path, self._file, self.limits, self.clock)
        )
        self._fresh = True

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept = None
        self._stack.close()

    def packets(self) -> Iterator[Any]:
        """From the start, each time it is asked."""
        if self._kept is not None:
            for packet in self._kept:
                self.clock.check()
                yield packet
            return
        if not self._fresh:
            self.open()
        self._fresh = False
        kept: list[Any] | None = []
        size = 0
        for packet in self._demuxed():
            size += packet.size
            kept = kept if kept is not None and size <= KEPT else None
            if kept is not None:
                kept.append(packet)
            yield packet
        self._kept = kept

    def _demuxed(self) -> Iterator[Any]:
        import av

        try:
            for packet in self.container.demux(self.stream):
                self.clock.check()
                yield packet
        except (av.FFmpegError, OSError, ValueError) as error:
            if not self.partial:
                raise BadMedia(self.path, "corrupt", f"reading stops ({container.said(error)})") from None

    def frames(self) -> Iterator[Any]:
        """Every frame in the order of showing."""
        self._restart()
        done = 0
        for packet in self.packets():
            for frame in self._decode(packet, done):
                self._sound(frame, done)
                done += 1
                yield frame

    def _sound(self, frame: Any, done: int) -> None:
        """A decoder paints over what it cannot read and says so only here."""
        if frame.is_corrupt and not self.partial:
            raise BadMedia(self.path, "corrupt", f"the picture after {done:,} frames is damaged")

    def frames_from(self, keys: Sequence[int], targets: Sequence[int]) -> Iterator[Any]:
        """At least the frames of each target; `keys[i]` is the packet that decoding `targets[i]` can start from.

        Targets are stamps in order. Where the next one's key packet lies ahead, what is between is never decoded.
        """
        if self._kept is None and self._fresh:
            for _ in self.packets():
                pass
        if self._kept is None:
            yield from self.frames()
            return
        self._restart()
        packets, at, due, sound_from = self._kept, 0, 0, None
        while at < len(packets) and due < len(targets):
            if keys[due] > at:
                at, sound_from = (
                    keys[due],
                    packets[keys[due]].pts,
                )  # what is shown before a key frame may lack its model
                self.stream.codec_context.flush_buffers()
            self.clock.check()
            for frame in self._decode(packets[at], at):
                if sound_from is None or (frame.pts is not None and frame.pts >= sound_from):
                    self._sound(frame, at)
                yield frame
                while due < len(targets) and frame.pts is not None and frame.pts >= targets[due]:
                    due += 1
            at += 1

    def _restart(self) -> None:
        if self._kept is not None and self.stream.codec_context.is_open:
            self.stream.codec_context.flush_buffers()

    def _decode(self, packet: Any, done: int) -> list[Any]:
        import av

        try:
            found: list[Any] = packet.decode()
        except EOFError:  # after an early flush
            return []
        except (av.FFmpegError, OSError, ValueError) as error:
            if self.partial:
                return []
            why = f"decoding stops after about {done:,} frames ({container.said(error)})"
            raise BadMedia(self.path, "corrupt", why) from None
        return found
