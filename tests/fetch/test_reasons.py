"""yt-dlp's own messages to a status. Taken from its extractors and from what sites make it say."""

from __future__ import annotations

import pytest

from flyreel.fetch.job import STATUSES
from flyreel.fetch.reasons import plain, status_of

MESSAGES = [
    ("dead", "ERROR: [youtube] dQw4w9WgXcQ: Video unavailable"),
    ("dead", "ERROR: [youtube] x: Video unavailable. This video has been removed by the uploader"),
    ("dead", "ERROR: [youtube] x: Private video. Sign in if you've been granted access to this video"),
    ("dead", "ERROR: [youtube] x: This video has been removed for violating YouTube's Terms of Service"),
    ("dead", "[youtube] x: Video unavailable. This video is no longer available because the YouTube account "
             "associated with this video has been terminated."),
    ("dead", "[youtube] x: This video is unavailable"),
    ("dead", "[vimeo] 1: This video does not exist"),
    ("dead", "[TikTok] 1: Your IP is fine; Video not available, status code 10204"),
    ("dead", "[generic] 404: Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404>)"),
    ("dead", "unable to download video data: HTTP Error 410: Gone"),
    ("dead", "Unsupported URL: https://example.org/login/private"),
    ("dead", "[reddit] x: No media found: the post was deleted"),
    ("blocked", "[youtube] x: Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies for the "
                "authentication. See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ  for how to manually pass cookies."),
    ("blocked", "[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users."),
    ("blocked", "[youtube] x: Video unavailable. The uploader has not made this video available in your country"),
    ("blocked", "[youtube] x: Video unavailable. This video contains content from UMG, who has blocked it in your "
                "country on copyright grounds"),
    ("blocked", "[youtube] x: Video unavailable. This content isn't available, try again later. Your account has been "
                "rate-limited by YouTube for up to an hour."),
    ("blocked", "[youtube] x: Join this channel to get access to members-only content like this video"),
    ("blocked", "[bbc] x: This video is not available from your location due to geo restriction"),
    ("blocked", "[nrk] x: This video is only available in Switzerland."),
    ("blocked", "[x] y: This video is not available in your region due to right restrictions."),
    ("blocked", "[x] y: This video is only available for registered users. Use --cookies"),
    ("blocked", "[x] y: This video is DRM protected"),
    ("blocked", "[vimeo] 1: This video is protected by a password, use the --video-password option"),
    ("blocked", "[generic] Got HTTP Error 403 caused by Cloudflare anti-bot challenge; try again with impersonate"),
    ("blocked", "unable to download video data: HTTP Error 403: Forbidden"),
    ("blocked", "[generic] x: Unable to download webpage: HTTP Error 429: Too Many Requests"),
    ("blocked", "[generic] x: Unable to download webpage: HTTP Error 401: Unauthorized"),
    ("blocked", "[generic] x: Unable to download webpage: HTTP Error 451: Unavailable For Legal Reasons"),
    ("timeout", "[generic] x: Unable to download webpage: The read operation timed out (caused by TransportError)"),
    ("timeout", "[generic] x: Unable to download webpage: <urlopen error [Errno 110] Connection timed out>"),
    ("timeout", "[generic] x: Unable to download webpage: HTTP Error 408: Request Timeout"),
    ("truncated", "[download] Got error: Downloaded 13819 bytes, expected 27639 bytes. Giving up after 1 retries"),
    ("truncated", "[download] Got error: 1024 bytes read, 9000 more expected. Giving up after 1 retries"),
    ("truncated", "ERROR: Did not get any data blocks"),
    ("failed", "[generic] x: Unable to download webpage: HTTP Error 500: Internal Server Error"),
    ("failed", "[generic] x: Unable to download webpage: [Errno 111] Connection refused (caused by TransportError())"),
    ("failed", "[generic] x: Unable to download webpage: [Errno -3] Temporary failure in name resolution"),
    ("failed", "[youtube] x: Requested format is not available. Use --list-formats for a list of available formats"),
    ("failed", "something yt-dlp has never said before"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message"), MESSAGES, ids=[m[:60] for _, m in MESSAGES])
def test_status(status: str, message: str) -> None:
    """A wrong one is a dead link asked for in every run, or a clip given up that another hour would have brought."""
    assert status_of(message) == status
    assert status in STATUSES


def test_a_reason_is_one_plain_line() -> None:
    said = "\x1b[0;31mERROR:\x1b[0m [x] y: Went\n wrong; please report this issue on  https://example.org , filling out"
    assert plain(said) == "[x] y: Went wrong"
    assert plain("ERROR: Unsupported URL: http://h/p") == "a web page with no video in it"
    assert plain("[g] z: refused (caused by TransportError('x'))") == "[g] z: refused"
    assert plain("") != ""
