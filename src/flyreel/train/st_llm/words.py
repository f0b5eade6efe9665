"""The words that st-llm reads and says: a vocabulary of its own, or the tokenizer that a pretrained GPT-2 came with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from flyreel.models.hub import quiet
from flyreel.tables import write_text
from flyreel.train.toyvlm import data as toy
from flyreel.train.toyvlm.data import ANSWER, ASK, END, PAD, TELL, UNKNOWN

MARKS = (PAD, UNKNOWN, END, ASK, ANSWER, TELL)
_WORD = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


class Words(Protocol):
    end: int

    def __len__(self) -> int: ...

    def asked(self, question: str) -> list[int]: ...

    def told(self) -> list[int]:
        """What asks for a caption."""
        ...

    def said(self, text: str) -> list[int]:
        """An answer, with the token that ends it."""
        ...

    def text(self, ids: Iterable[int]) -> str: ...

    def save(self, folder: Path) -> None: ...


class OwnWords(toy.Words):
    """In lower case, whatever the case of what is read; numbers digit by digit. Those of toyvlm know no other letters
    than toybox has, and no digits."""

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__(tuple(known))
        self.end = self.number[END]

    def __len__(self) -> int:
        return len(self.known)

    def asked(self, question: str) -> list[int]:
        return self.ids(ASK, *words_of(question), ANSWER)

    def told(self) -> list[int]:
        return self.ids(TELL)

    def said(self, text: str) -> list[int]:
        return self.ids(*words_of(text), END)

    def text(self, ids: Iterable[int]) -> str:
        joined = " ".join(word for word in (self.known[i] for i in ids) if word not in MARKS)
        return re.sub(r"(?<=\d) (?=\d)| (?=[.,:;?!])", "", joined)

    def save(self, folder: Path) -> None:
        write_text(folder / "words.json", json.dumps(self.known, ensure_ascii=False) + "\n")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def vocabulary(texts: Iterable[str]) -> OwnWords:
    return OwnWords((*MARKS, *sorted({word for text in texts for word in words_of(text)})))


class HubWords:
    """Prompts are plain text, as such a model was trained on."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.end = int(tokenizer.eos_token_id)

    def __len__(self) -> int:
        return len(self.tokenizer)

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def asked(self, question: str) -> list[int]:
        return self._ids(f"Question: {question.strip()}\nAnswer:")

    def told(self) -> list[int]:
        return self._ids("Description:")

    def said(self, text: str) -> list[int]:
        return [*self._ids(f" {text.strip()}"), self.end]

    def text(self, ids: Iterable[int]) -> str:
        plain = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        return str(self.tokenizer.decode(list(ids), **plain)).strip()

    def save(self, folder: Path) -> None:
        self.tokenizer.save_pretrained(folder / "tokenizer")


def hub_words(folder: Path) -> HubWords:
    from transformers import AutoTokenizer

    with quiet():
        return HubWords(AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


def saved_words(folder: Path) -> Words:
    if (folder / "words.json").is_file():
        return OwnWords(json.loads((folder / "words.json").read_text(encoding="utf-8")))
    return hub_words(folder / "tokenizer")
