"""Files that are broken, lie, or were made to do harm: each is read or refused in one line, and nothing else happens.

All are tried in one child process with a bound on memory and on time, so that a crash or a hang there is a failed
test here.
"""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHILD = """
import json, resource, sys
from flyreel.video.decode import BadMedia, Limits, inspect, load
from flyreel.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (240, 240))
limits = Limits(pixels=1 << 22, frames=20_000, seconds=20, memory=64 << 20)
load(sys.argv[1], limits=limits)  # imports and the decoder's own tables are not the next file's growth

def attempt(path, partial):
    try:
        media = inspect(path, limits, allow_truncated=partial)
        frames = load(path, limits=limits, allow_truncated=partial)
        few = load(path, count=3, size=(16, 16), limits=limits, allow_truncated=partial)
        good = len(frames) <= media.frames and frames.images.shape[1:] == (media.height, media.width, 3)
        good = good and (partial or len(frames) == media.frames) and len(few) <= 3
        return {"reason": "read" if good else "inconsistent", "frames": len(frames), "line": media.cut_short}
    except BadMedia as bad:
        return {"reason": bad.reason, "line": str(bad)}
    except BaseException as error:
        return {"reason": "crash", "line": repr(error)}

for line in sys.stdin:
    name, path = json.loads(line)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"name": name, "strict": attempt(path, False), "partial": attempt(path, True)}
    told["grown"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(json.dumps(told), flush=True)
"""

REFUSED = {"not-media", "truncated", "corrupt", "no-frames", "no-video", "unknown-codec", "too-large"}

EXPECTED: dict[str, set[str]] = {
    "missing.mp4": {"missing"},
    "empty.mp4": {"empty"},
    "one-byte.mp4": {"not-media"},
    "text.mp4": {"not-media"},
    "page.mp4": {"not-media"},
    "archive.mp4": {"not-media"},
    "nul.mp4": {"not-media"},
    "picture.mp4": {"still-picture"},
    "photo.gif": {"still-picture"},
    "sound.mp3": {"no-video"},
    "sound.wav": {"no-video"},
    "sound.mp4": {"no-video"},
    "no-frames.gif": {"no-frames", "truncated"},
    "no-frames.mp4": {"no-frames", "no-video", "truncated"},
    "huge.gif": {"too-large"},
    "huge.webp": {"too-large"},
    "huge-inside.avi": {"corrupt", "too-large", "no-frames"},
    "many.gif": {"too-many-frames"},
    "no-moov.mp4": {"truncated"},
    "fragments-cut.mp4": {"truncated"},
    "cut.webm": {"truncated"},
    "cut.webp": {"truncated"},
    "cut.avi": {"truncated"},
    "no-trailer.gif": {"read"},
    "wrong-codec.mkv": {"unknown-codec", "no-video"},
    "avi-inside.mp4": {"read"},
    "gif-inside.mp4": {"read"},
    "million-samples.mp4": {"truncated", "corrupt", "not-media", "no-frames"},
    "list.mp4": {"not-media"},
    "list.m3u8": {"not-media"},
    "list.ffconcat": {"not-media"},
    "list.mpd": {"not-media"},
    "list.sdp": {"not-media"},
    "other.mov": {"read", "no-video", "no-frames", "corrupt", "truncated", "not-media"},
    "folder": {"cannot-read"},
    "pipe": {"cannot-read"},
    "loop": {"cannot-read"},
    "device": {"cannot-read"},
    "very-long-name": {"cannot-read"},
    "nul-in-name": {"cannot-read"},
    "pattern": {"read"},
    "newline": {"read"},
    "broken-newline": {"not-media"},
    "unicode": {"read"},
    "dash": {"read"},
    "address": {"missing"},
    **{f"cut-{tenth}.mp4": {"truncated"} for tenth in range(1, 10)},
    **{f"cut-{tenth}-index-first.mp4": {"truncated", "not-media"} for tenth in range(1, 10)},
    **{f"cut-{tenth}.gif": {"truncated"} for tenth in range(1, 10)},
}


def build(make: Any) -> dict[str, str]:
    file, folder = make.file, make.folder
    mp4, gif = make.video("good.mp4", 24, options={"bf": "3"}).read_bytes(), make.gif("good.gif", 12).read_bytes()
    first = make.video("first.mp4", 24, movflags="faststart").read_bytes()
    webm = make.video("good.webm", 24, codec="libvpx-vp9", options={"cpu-used": "8"}).read_bytes()
    webp, mkv = make.webp("good.webp").read_bytes(), make.video("good.mkv", 24).read_bytes()
    avi = make.video("good.avi", 24, codec="mjpeg", pix_fmt="yuvj420p").read_bytes()
    parts = make.video("parts.mp4", 24, options={"g": "6"}, movflags="frag_keyframe+empty_moov").read_bytes()
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    Image.fromarray(make.picture(1)).save(folder / "picture.mp4", "PNG")
    Image.fromarray(make.picture(1)).save(folder / "photo.gif", "JPEG")
    with zipfile.ZipFile(folder / "archive.mp4", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 24))
    make.audio("sound.mp3", "libmp3lame")
    make.audio("sound.wav", "pcm_s16le")
    make.audio("sound.mp4", "aac")
    at = mkv.index(b"V_MPEG4/ISO/AVC")
    stsz = mp4.index(b"stsz") + 4
    # ten bytes of image descriptor, the smallest picture there is
    tiny = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    one = b"GIF89a" + struct.pack("<2H3B", 1, 1, 0x80, 0, 0) + bytes(6)
    target = folder / "good.gif"
    playlist = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXTINF:9,\nhttp://127.0.0.1:9/\n#EXT-X-ENDLIST\n"
    )
    concat = f"ffconcat version 1.0\nfile '{target}'\n"
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\n"
    sdp += "c=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    mpd = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    mpd += f"<BaseURL>{target}</BaseURL></Period></MPD>"
    reference = mp4.replace(b"url \x00\x00\x00\x01", b"url \x00\x00\x00\x00")  # "the samples are in another file"
    paths = {
        "missing.mp4": str(folder / "missing.mp4"),
        "empty.mp4": file("empty.mp4", b""),
        "one-byte.mp4": file("one-byte.mp4", b"G"),
        "text.mp4": file("text.mp4", b"It was a dark and stormy night.\n" * 50),
        "page.mp4": file("page.mp4", b"<!DOCTYPE html><html><body>404 not found</body></html>"),
        "nul.mp4": file("nul.mp4", bytes(100_000)),
        "no-frames.gif": file("no-frames.gif", one + b";"),
        "no-frames.mp4": file("no-frames.mp4", mp4[:32] + b"\0\0\0\x08moov"),
        "huge.gif": file("huge.gif", gif[:6] + b"\xff\xff\xff\xff" + gif[10:]),
        "huge.webp": file("huge.webp", webp[:24] + b"\xff\xff\xff\xff\xff\xff" + webp[30:]),
        "huge-inside.avi": file(
            "huge-inside.avi", avi.replace(struct.pack(">2H", 48, 64), struct.pack(">2H", 65500, 65500))
        ),
        "many.gif": file("many.gif", one + tiny * 30_000 + b";"),
        "no-moov.mp4": file("no-moov.mp4", mp4[: mp4.index(b"moov") - 4]),
        "fragments-cut.mp4": file("fragments-cut.mp4", parts[: len(parts) * 2 // 3]),
        "cut.webm": file("cut.webm", webm[: len(webm) * 2 // 3]),
        "cut.webp": file("cut.webp", webp[: len(webp) * 2 // 3]),
        "cut.avi": file("cut.avi", avi[: len(avi) * 2 // 3]),
        "no-trailer.gif": file("no-trailer.gif", gif[:-1]),
        "wrong-codec.mkv": file("wrong-codec.mkv", mkv[:at] + b"V_XXXXX/XXX/XXX" + mkv[at + 15 :]),
        "avi-inside.mp4": file("avi-inside.mp4", avi),
        "gif-inside.mp4": file("gif-inside.mp4", gif),
        "million-samples.mp4": file(
            "million-samples.mp4", mp4[: stsz + 4] + struct.pack(">2I", 1, 0x7FFFFFFF) + mp4[stsz + 12 :]
        ),
        "list.mp4": file("list.mp4", playlist.encode()),
        "list.m3u8": file("list.m3u8", playlist.encode()),
        "list.ffconcat": file("list.ffconcat", concat.encode()),
        "list.mpd": file("list.mpd", mpd.encode()),
        "list.sdp": file("list.sdp", sdp.encode()),
        "other.mov": file("other.mov", reference),
        "device": "/dev/zero",
        "very-long-name": "x" * 5000,
        "nul-in-name": "a\0b.mp4",
        "pattern": file("img%03d.png", gif),
        "newline": file("a\nb.mp4", gif),
        "broken-newline": file("c\nd.mp4", b"no video\n"),
        "unicode": file("ролик-映像.mp4", mp4),
        "dash": file("-i.mp4", mp4),
        "address": "http://127.0.0.1:9/a.mp4",
        **{f"cut-{n}.mp4": file(f"cut-{n}.mp4", mp4[: len(mp4) * n // 10]) for n in range(1, 10)},
        **{f"cut-{n}-index-first.mp4": file(f"cut1-{n}.mp4", first[: len(first) * n // 10]) for n in range(1, 10)},
        **{f"cut-{n}.gif": file(f"cut-{n}.gif", gif[: len(gif) * n // 10]) for n in range(1, 10)},
        **{name: folder / name for name in ("folder", "pipe", "loop", "picture.mp4", "photo.gif", "archive.mp4")},
        **{name: folder / name for name in ("sound.mp3", "sound.wav", "sound.mp4")},
        **damaged(make, {"mp4": mp4, "gif": gif, "webm": webm, "webp": webp, "mkv": mkv, "avi": avi}),
    }
    return {name: str(path) for name, path in paths.items()}


def damaged(make: Any, whole: dict[str, bytes], copies: int = 40) -> dict[str, Path]:
    """Copies with a few bytes changed at random, half of them near the start where the headers are."""
    chance, made = random.Random(7), {}
    for kind, data in whole.items():
        for copy in range(copies):
            changed = bytearray(data)
            for _ in range(chance.randint(1, 12)):
                changed[chance.randrange(len(data) if copy % 2 else min(len(data), 600))] = chance.randrange(256)
            made[f"flipped-{copy}.{kind}"] = make.file(f"flipped-{copy}.{kind}", bytes(changed))
    return made


@pytest.fixture(scope="session")
def told(made_once: Any) -> dict[str, dict]:
    """What became of every file, by name; a name that is absent is one that the child did not survive."""
    paths = build(made_once)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(made_once.folder / "good.mp4")],
        input="".join(json.dumps(item) + "\n" for item in paths.items()),
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = {row["name"]: row for row in map(json.loads, child.stdout.splitlines())}
    lost = [name for name in paths if name not in found]
    assert not lost, f"the child ended with {child.returncode} at {lost[0]}: {child.stderr[-500:]}"
    found["stderr"] = {"text": child.stderr}
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bad_file_gets_the_one_reason_that_is_true(told: dict, name: str) -> None:
    assert told[name]["strict"]["reason"] in EXPECTED[name], told[name]


def test_nothing_crashes_and_every_refusal_is_one_line(told: dict) -> None:
    for name, row in told.items():
        for way in ("strict", "partial") if name != "stderr" else ():
            assert row[way]["reason"] not in ("crash", "inconsistent"), (name, row)
            assert "\n" not in row[way]["line"], (name, row)


def test_no_file_takes_more_memory_than_its_limits_allow(told: dict) -> None:
    assert {name: row["grown"] for name, row in told.items() if row.get("grown", 0) > 300} == {}


def test_ffmpeg_says_nothing_on_stderr(told: dict) -> None:
    assert told["stderr"]["text"] == ""


def test_what_is_left_of_a_cut_file_can_be_had(told: dict) -> None:
    for name in ("cut-9-index-first.mp4", "cut-5.gif", "cut.webm", "cut.avi", "fragments-cut.mp4"):
        assert told[name]["partial"]["reason"] == "read" and told[name]["partial"]["frames"] > 0, told[name]
        assert told[name]["partial"]["line"]


def test_damage_is_refused_or_read_and_never_anything_else(told: dict) -> None:
    reasons = {row["strict"]["reason"] for name, row in told.items() if name.startswith("flipped")}
    assert reasons <= {*REFUSED, "read", "too-slow", "too-much-memory", "too-many-frames", "still-picture"}
    assert {"read", "corrupt"} <= reasons


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_one_may_not_read(make: Any) -> None:
    from flyreel.video.decode import BadMedia, inspect

    path = make.gif()
    path.chmod(0)
    with pytest.raises(BadMedia, match="cannot-read"):
        inspect(path)


def test_a_list_of_files_opens_none_of_them(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Belt and braces: even a demuxer that is let through may not open a second file."""
    from flyreel.video import container
    from flyreel.video.decode import BadMedia, inspect

    monkeypatch.setattr(container, "_VIDEO", f"{container._VIDEO},concat,hls")
    gif = make.gif()
    for name, text in {
        "a.ffconcat": f"ffconcat version 1.0\nfile '{gif}'\n",
        "b.m3u8": f"#EXTM3U\n#EXTINF:9,\n{gif}\n",
    }.items():
        with pytest.raises(BadMedia):
            inspect(make.file(name, text.encode()))
