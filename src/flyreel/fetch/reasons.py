"""From what yt-dlp says to a status: one table, read from the top, the first line that matches wins.

Order is meaning. "Video unavailable. The uploader has not made this video available in your country" is blocked
although it begins like a dead one; "Private video. Sign in if you've been granted access" is dead although it asks
for a sign-in, because no sign-in of this caller will help.
"""

from __future__ import annotations

import re

TABLE: tuple[tuple[str, str], ...] = (
    ("truncated", r"downloaded \d+ bytes, expected|bytes read, \d+ more expected|incompleteread|content too short"),
    ("truncated", r"did not get any data blocks"),
    ("blocked", r"http error (401|402|403|407|429|451)\b"),
    ("dead", r"http error (404|410)\b"),
    ("timeout", r"http error 408\b|timed? ?out\b"),
    ("blocked", r"(available|blocked|restricted|licensed)\b.{0,40}\b(country|region|location|territory)\b"),
    ("blocked", r"geo[- ]?(restrict|block)|only (available|licensed) (in|to users in)\b"),
    ("dead", r"private video|(video|post|clip|content|account|media) is (now )?private\b"),
    ("blocked", r"not a bot|captcha|anti-bot|cloudflare|rate[- ]?limit|too many requests|try again later"),
    ("blocked", r"confirm your age|age[- ](restrict|verif)|inappropriate for some users"),
    ("blocked", r"\bsign in\b|\blog ?in\b|--cookies|--username|registered users|authenticat"),
    ("blocked", r"members[- ]only|available to .{0,40}members|premium|subscri|requires? payment|purchase"),
    ("blocked", r"\bdrm\b|pass(word|code)"),
    ("dead", r"unsupported url"),
    ("dead", r"(has|have|had) been (removed|deleted|terminated|closed|suspended)|was (removed|deleted)|\bis gone\b"),
    ("dead", r"no longer (available|exists?)|(does not|doesn't|may not) exist|removed by (the )?(uploader|user)"),
    ("dead", r"(video|content|clip|media|post|page)( is| was)? (unavailable|not available|not found)\b"),
    ("dead", r"isn't available|no video (could be )?found|there('s| is) no video|no video formats found"),
)  # fmt: skip
_COMPILED = tuple((status, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for status, pattern in TABLE)
_ADDRESS = re.compile(r"https?://\S+")
_PAGE = re.compile(r"^Unsupported URL: ")
_NOISE = re.compile(r"\x1b\[[0-9;]*m|^ERROR: |; please report this issue on .*| \(caused by .*", re.DOTALL)


def status_of(message: str) -> str:
    """Addresses are left out: one with "login" or "private" in it says nothing about the video."""
    said = _ADDRESS.sub("", message)
    return next((status for status, pattern in _COMPILED if pattern.search(said)), "failed")


def plain(message: str) -> str:
    """yt-dlp's message as one line for a person: no colours, no call for a bug report, no Python repr."""
    line = " ".join(_NOISE.sub("", _NOISE.sub("", message)).split())
    if _PAGE.match(line):
        return "a web page with no video in it"
    return line[:300] or "yt-dlp gave no reason"
