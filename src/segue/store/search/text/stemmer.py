"""The Porter stemmer for English, and the forms of a word that share its stem.

M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980). The index holds words, not stems, because stems
would make it a third larger. A search looks up every form of a word instead.
"""

import re
from functools import lru_cache

_CONSONANT = "(?:[^aeiouy]|(?<=[aeiou])y|^y)"
_VOWEL = "(?:[aeiou]|(?<=[^aeiou])y)"
_MEASURE = re.compile(f"{_VOWEL}+{_CONSONANT}+")
_HAS_VOWEL = re.compile(_VOWEL)
_DOUBLE = re.compile(r"([^aeiouylsz])\1$")
_CVC = re.compile(f"{_CONSONANT}{_VOWEL}[^aeiouwxy]$")
_PLAIN = re.compile("[a-z]{3,40}")

_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip
_ENDINGS = (
    "", "s", "es", "ed", "d", "ing", "er", "ers", "r", "rs", "e", "y", "ies", "ied", "ying", "ion", "ions", "ation",
    "ations", "ional", "ator", "ators", "able", "ible", "ability", "al", "als", "ally", "ance", "ances", "ence",
    "ences", "ant", "ants", "ent", "ents", "ently", "ive", "ives", "ively", "ly", "ment", "ments", "ness", "ful",
    "fully", "ous", "ously", "ity", "ities", "ize", "izes", "ized", "izing", "izer", "ization", "ise", "ised", "ising",
    "ism", "ic", "ical", "ically", "ate", "ates", "ated", "ating", "tional", "tionally",
)  # fmt: skip


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return the stem of a lower-case English word; any other word unchanged."""
    if not _PLAIN.fullmatch(word):
        return word
    return _step_5(_step_4(_replace(_replace(_step_1c(_step_1b(_step_1a(word))), _STEP_2), _STEP_3)))


@lru_cache(maxsize=4096)
def forms(word: str) -> tuple[str, ...]:
    """Return the word and the likely words of the same stem; only the word if it is not English."""
    root = stem(word)
    if not _PLAIN.fullmatch(word):
        return (word,)
    bases = {root, root.removesuffix("i"), root + root[-1], word}
    found = {base + ending for base in bases for ending in _ENDINGS}
    return tuple(sorted(form for form in found if len(form) > 2 and stem(form) == root))


def _measure(text: str) -> int:
    return len(_MEASURE.findall(text))


def _step_1a(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _step_1b(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        base = word.removesuffix(ending)
        if base != word and _HAS_VOWEL.search(base):
            if base.endswith(("at", "bl", "iz")):
                return base + "e"
            if _DOUBLE.search(base):
                return base[:-1]
            return base + "e" if _measure(base) == 1 and _CVC.search(base) else base
    return word


def _step_1c(word: str) -> str:
    return word[:-1] + "i" if word.endswith("y") and _HAS_VOWEL.search(word[:-1]) else word


def _replace(word: str, endings: dict[str, str]) -> str:
    """Replace the longest of the endings, if the rest of the word is not too short."""
    ending = max((ending for ending in endings if word.endswith(ending)), key=len, default=None)
    if ending is None or _measure(base := word.removesuffix(ending)) == 0:
        return word
    return base + endings[ending]


def _step_4(word: str) -> str:
    ending = max((ending for ending in _STEP_4 if word.endswith(ending)), key=len, default=None)
    if ending is None or _measure(base := word.removesuffix(ending)) < 2:
        return word
    return word if ending == "ion" and not base.endswith(("s", "t")) else base


def _step_5(word: str) -> str:
    base = word.removesuffix("e")
    if base != word and (_measure(base) > 1 or (_measure(base) == 1 and not _CVC.search(base))):
        word = base
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word
