"""A matcher that counts its steps, because Python's `re` does not tell them.

It walks the tree that `re` itself parses, tries the same alternatives in the same order, and counts each comparison
with a character. `re` leaves out some of these, and makes no others.
"""

import re
import re._compiler as compiler  # type: ignore[import-not-found]
import re._constants as constants  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

Then = Callable[[int], int | None]
"""Match the rest of the pattern from a position on, and return its end; None if it does not match."""

Matcher = Callable[[str, int, Then], int | None]
"""Match a part of the pattern at a position of a text, and then the rest."""

CHARACTERS = [chr(code) for code in range(256)]
"""The characters that the texts may have."""


class StepCounter:
    """A pattern with the methods of a compiled one, which counts the steps of all its matches.

    Each method fails if the counted match has another end than that of `re`.
    """

    def __init__(self, pattern: str, flags: int = re.ASCII) -> None:
        self._real = re.compile(pattern, flags)
        self._matcher = self._sequence(parser.parse(pattern, flags), flags)
        self.steps = 0

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        """Return the match at a position."""
        found = self._real.match(text, at)
        assert self._matcher(text, at, _end) == (found.end() if found else None)
        return found

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the match of the whole text."""
        found = self._real.fullmatch(text)
        whole = self._matcher(text, 0, lambda end: end if end == len(text) else None)
        assert whole == (found.end() if found else None)
        return found

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches in the text."""
        at = 0
        while at < len(text):
            if found := self.match(text, at):
                yield found
            at = found.end() if found else at + 1

    def _sequence(self, nodes: Any, flags: int) -> Matcher:
        def chain(first: Matcher, second: Matcher) -> Matcher:
            return lambda text, at, then: first(text, at, lambda end: second(text, end, then))

        empty: Matcher = _nothing
        return reduce(chain, (self._node(nodes.state, node, flags) for node in nodes), empty)

    def _node(self, state: Any, node: Any, flags: int) -> Matcher:
        operator, argument = node
        if operator is constants.SUBPATTERN:
            return self._sequence(argument[3], flags | argument[1])
        if operator is constants.BRANCH:
            return self._branch([self._sequence(body, flags) for body in argument[1]])
        if operator in (constants.ASSERT, constants.ASSERT_NOT):
            behind = argument[1].getwidth()[0] if argument[0] < 0 else 0
            return self._look(self._sequence(argument[1], flags), behind, wanted=operator is constants.ASSERT)
        if operator is constants.POSSESSIVE_REPEAT:
            return self._possessive(self._sequence(argument[2], flags), *argument[:2])
        if operator is constants.MAX_REPEAT:
            return self._repeat(self._sequence(argument[2], flags), *argument[:2])
        assert operator in (constants.LITERAL, constants.NOT_LITERAL, constants.IN), operator
        real = compiler.compile(parser.SubPattern(state, [node]), flags)
        return self._character(frozenset(filter(real.fullmatch, CHARACTERS)))

    def _character(self, accepted: frozenset[str]) -> Matcher:
        def match(text: str, at: int, then: Then) -> int | None:
            self.steps += 1
            return then(at + 1) if text[at : at + 1] in accepted else None

        return match

    def _branch(self, bodies: list[Matcher]) -> Matcher:
        def match(text: str, at: int, then: Then) -> int | None:
            ends = (body(text, at, then) for body in bodies)
            return next((end for end in ends if end is not None), None)

        return match

    def _look(self, body: Matcher, behind: int, *, wanted: bool) -> Matcher:
        def match(text: str, at: int, then: Then) -> int | None:
            found = at >= behind and body(text, at - behind, _end) is not None
            return then(at) if found is wanted else None

        return match

    def _possessive(self, body: Matcher, least: int, most: int) -> Matcher:
        def match(text: str, at: int, then: Then) -> int | None:
            count = 0
            while count < most and (end := body(text, at, _end)) is not None:
                at, count = end, count + 1
            return then(at) if count >= least else None

        return match

    def _repeat(self, body: Matcher, least: int, most: int) -> Matcher:
        def match(text: str, at: int, then: Then) -> int | None:
            def more(count: int, at: int) -> int | None:
                longer = body(text, at, lambda end: more(count + 1, end)) if count < most else None
                if longer is not None or count < least:
                    return longer
                return then(at)

            return more(0, at)

        return match


def _nothing(text: str, at: int, then: Then) -> int | None:
    return then(at)


def _end(at: int) -> int | None:
    return at
