"""spaCy's English model: whichever `en_core_web_*` is installed.

The package index has one of them under a name with a suffix, so a model is found by how its module begins. Recognising
entities is switched off: it takes two fifths of the time and finds 0.56 of the toybox names in sentences like theirs
and 0.72 of ordinary first names; where a name stands, and a list of them, find more.
"""

from __future__ import annotations

import os
import pkgutil
import warnings
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flyreel.errors import MissingExtra

PREFIX = "en_core_web_"
SIZES = ("lg", "md", "sm", "trf")
"""The order they are preferred in: the larger the better, but the one that wants a graphics card last."""

NEEDED = frozenset(("tok2vec", "transformer", "tagger", "parser", "attribute_ruler"))

LONGEST = 5_000
"""Characters of one description that are worth reading. Time and memory grow with it, and spaCy refuses a million; a
paragraph of 5,000 characters holds fifty sentences and more, and what is longer is a book or a mistake."""


@cache
def english() -> Any:
    """One model per process. A thread of it is one thread: thinc multiplies with its own single-threaded library."""
    module = installed()
    if module is None:
        raise MissingExtra("finding candidate answers", "text")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import spacy

            nlp = spacy.load(module)
        except ImportError as error:
            raise MissingExtra("finding candidate answers", "text") from error
    for name in nlp.pipe_names:
        if name not in NEEDED:
            nlp.disable_pipe(name)
    return nlp


def name() -> str:
    """Which model it is and its version, as one is noted with what was made by it; without opening it where that can
    be told."""
    module = installed()
    try:
        return f"{module} {version(str(module).replace('_', '-'))}"
    except PackageNotFoundError:
        return f"{module} {english().meta['version']}"


def installed() -> str | None:
    found = [module.name for module in pkgutil.iter_modules() if module.name.startswith(PREFIX)]
    return min(found, key=_preference, default=None)


def _preference(module: str) -> tuple[int, str]:
    size = module.removeprefix(PREFIX).split("_")[0]
    return SIZES.index(size) if size in SIZES else len(SIZES), module


@cache
def dictionary(part: str) -> frozenset[str]:
    """Base forms of one part of speech ("verb", "noun", "adj", "adv"), as far as the model brings a list of them."""
    nlp = english()
    if "lemmatizer" not in nlp.component_names:
        return frozenset()
    lookups = nlp.get_pipe("lemmatizer").lookups
    return frozenset(lookups.get_table("lemma_index").get(part, ()) if lookups.has_table("lemma_index") else ())
