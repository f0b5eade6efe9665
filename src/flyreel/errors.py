"""What can go wrong, drawn once.

FlyreelError              anything the command line turns into one line on stderr
├── InputError            the user's file, option or setting is at fault            exit 2
│   └── MissingExtra      an optional dependency is not installed; says the command
├── ModelError            one call to a model gave nothing; that item is `unknown`, the run goes on
│   ├── Retryable         worth another try: 429, 5xx, time-out, reset, malformed or truncated reply
│   ├── Refused           the endpoint will say the same again: 400, 401, 404 …
│   └── BudgetSpent       the next call would pass the budget; nothing more is sent
└── Stopped               the user asked for it (Ctrl-C)                            exit 130
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FlyreelError(Exception):
    exit_code = 1


class InputError(FlyreelError):
    exit_code = 2


class MissingExtra(InputError):
    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: pip install 'flyreel[{extra}]'")
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        """Raised in another process it is still this line here."""
        return type(self), (self.what, self.extra)


class ModelError(FlyreelError):
    """A call that gave no usable reply; `reason` is the machine-readable word that findings carry."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class Retryable(ModelError):
    def __init__(self, reason: str, detail: str = "", after: float | None = None) -> None:
        super().__init__(reason, detail)
        self.after = after


class Refused(ModelError):
    pass


class BudgetSpent(ModelError):
    pass


class Stopped(FlyreelError):
    exit_code = 130


SHOWN = 40
"""Names that an error line lists at most."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error line that offers what was probably meant, or all there is."""
    names = sorted(known)
    folded = {known.casefold(): known for known in names}
    near = [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    if near:
        return f" Did you mean {' or '.join(near)}?"
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f" Known: {', '.join(names[:SHOWN])}{more}."
