"""A reply without its dress: thoughts taken out, markdown, LaTeX and tags resolved, cut into pieces.

What marks an answer keeps its meaning as plain words: `\\boxed{B}` and `<answer>B</answer>` become `answer: B`, a tick
becomes `correct`, a bold letter a letter in brackets. Every pattern here is free of backtracking that could grow with
the reply: a model that repeats itself for 100 kB costs what its length costs.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from flyreel.replies._vocabulary import ARTICLES, JOINING

_THOUGHT = re.compile(r"[<◁](/?)(?:think|thinking|thought|thoughts|reasoning|scratchpad)[>▷]", re.IGNORECASE)

TICK, CROSS = "\u2713", "\u2717"
_SIGNS = str.maketrans(
    dict.fromkeys("‘’‚‛′", "'")
    | dict.fromkeys("“”„«»「」『』《》", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("\u2713\u2714\u2705\u2611\u2612\U0001f5f9", f" {TICK} ")
    | dict.fromkeys("\u2717\u2718\u274c\u2716\u274e\u2610\u2b1c\U0001f6ab", f" {CROSS} ")
    | dict.fromkeys("→➜∴", " ⇒ ")
    | dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0f", "")
    | dict.fromkeys("\r\u2028\u2029", "\n")
    | {"。": ". ", "、": ",", "【": "[", "】": "]", "〔": "[", "〕": "]", "$": " "}
)

_REWRITES = [
    (re.compile(r"(?m)^[ \t]*```+[\w-]{0,20}[ \t]*$"), ""),
    (
        re.compile(
            r"<\|[^|<>\n]{0,40}\|>|</?s>|<(?:eos|bos|pad|unk|end_of_turn)>|<start_of_turn>(?:model)?|\[/?INST\]"
        ),
        " ",
    ),
    (re.compile(r"(?m)^[ \t]*(?:[*•-]+[ \t]+)?(?:\[[xX]\]|\(x\))(?=[ \t]+\S)"), f" {TICK} "),
    (re.compile(r"(?m)^[ \t]*(?:[*•-]+[ \t]+)?(?:\[ ?\]|\( ?\))(?=[ \t]+\S)"), f" {CROSS} "),
    (re.compile(r"(?i)<br ?/?>"), "\n"),
    (re.compile(r"(?i)<(?:answer|final_answer|final|choice|option)>"), "\nanswer: "),
    (re.compile(r"(?i)</(?:answer|final_answer|final|choice|option)>"), "\n"),
    (re.compile(r"<[A-Za-z]{1,20}_[A-Za-z_]{1,20}>"), " "),
    (re.compile(r"(?m)^[ \t]*\d{1,2}\.[ \t]+(?=[*(]{0,3}[A-Z][*).:]{0,4}[ \t]*$)"), ""),
    (re.compile(r"(?<!\\)\\++(?:boxed|fbox)"), " answer: "),
    (re.compile(r"(?<!\\)\\++(?:textbf|textit|text|texttt|mathrm|mathbf|mathit|mathsf|displaystyle|rm|bf)\b"), " "),
    (re.compile(r"(?<!\\)\\++[()\[\]]"), " "),
    (re.compile(r"[-=]{1,2}>"), " ⇒ "),
    (re.compile(r"(?<![\w*_`])(\*{2,3}|_{2,3}|`{1,3})([A-Za-z])[.):]?\1(?![\w*_`])"), r"(\2)"),
    (re.compile(r"(?<![\w*_`])([*_])([B-HJ-Zb-hj-z])[.):]?\1(?![\w*_`])"), r"(\2)"),
    (re.compile(r"(?m)^[ \t]*(?:[#>*•·▪◦+-]+[ \t]+)+"), ""),
    (re.compile(r"[*`]+"), ""),
]

_CLOSING_TAG = re.compile(r"</([a-z]{1,10})>")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_LETTERS = rf"(?:[^\W_{_CJK}]|[\u0300-\u036f\u0900-\u0dff])++"
_LETTER = r"[ ]?[A-Za-z][.:,)]?[ ]?"
_PIECE = re.compile(
    r"(?P<line>\n)"
    rf"|(?P<dressed>(?<!\w)(?:\({_LETTER}\)|\[{_LETTER}\]|<{_LETTER}>|\{{{_LETTER}\}}|\"{_LETTER}\"|'{_LETTER}')(?!\w))"
    r"|(?P<number>(?<![\w.])[-+#]?\d++(?:[.,:]\d++)*%?(?!\w))"
    rf"|(?P<word>{_LETTERS}(?:'{_LETTERS})*+|[{_CJK}]++)"
    r"|(?P<sign>[^\s\w]|_)"
)


@dataclass(slots=True)
class Mark:
    """A place where options are named. `problem` says why this naming can commit to nothing.

    `by` is letter, number, text, or pair (a letter with its own text). `joined` is how several are joined: `and`, `or`.
    `lead` is a letter dressed as an item stands at the head of a line: `B)`, `(B)`, `B.`.
    """

    options: tuple[int, ...]
    by: str
    problem: str | None = None
    joined: str = ""
    lead: bool = False


@dataclass(slots=True)
class Piece:
    """`kind` is line, dressed, number, word, sign or mark. `glued`: no space before it."""

    kind: str
    text: str
    low: str
    glued: bool
    mark: Mark | None = None

    @property
    def is_word(self) -> bool:
        return self.kind in ("word", "number")

    @property
    def letter(self) -> str | None:
        """The one letter that this piece is, dressed or not."""
        if self.kind == "dressed":
            return next(c for c in self.text if c.isalpha())
        return self.text if self.kind == "word" and len(self.text) == 1 and "A" <= self.text.upper() <= "Z" else None


def without_thoughts(reply: str) -> str | None:
    """The reply without what the model thought first; None where it never stopped thinking.

    A closing tag without its opening one ends a thought that began in the prompt: all before it goes.
    """
    kept: list[str] = []
    at = 0
    thinking = False
    for tag in _THOUGHT.finditer(reply):
        if tag[1]:
            kept = kept if thinking else []
            thinking = False
            at = tag.end()
        elif not thinking:
            kept.append(reply[at : tag.start()])
            thinking = True
    return None if thinking else "\n".join([*kept, reply[at:]])


def plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    for pattern, by in _REWRITES[:10]:
        text = pattern.sub(by, text)
    closed = set(_CLOSING_TAG.findall(text))
    if closed:
        text = re.sub(r"</?([a-z]{1,10})>", lambda tag: "" if tag[1] in closed else tag[0], text)
    for pattern, by in _REWRITES[10:]:
        text = pattern.sub(by, text)
    return text.replace("_", " ").replace("|", " ")


def pieces(text: str) -> list[Piece]:
    """`text` must be plain."""
    found, end = [], -1
    for match in _PIECE.finditer(text):
        kind = str(match.lastgroup)
        found.append(Piece(kind, match[0], match[0].casefold(), match.start() == end))
        end = match.end()
    return found


def content(text: list[Piece]) -> list[int]:
    """Positions of the words that tell one option from another: all but articles.

    An `A` before `and`, `or`, `is` is no article but the name of something, and so is one that ends its line.
    """
    kept = []
    for i, piece in enumerate(text):
        if not (piece.is_word or piece.kind == "dressed"):
            continue
        after = text[i + 1] if i + 1 < len(text) else None
        names = after is None or not after.is_word or after.low in JOINING
        if piece.low not in ARTICLES or names:
            kept.append(i)
    return kept
