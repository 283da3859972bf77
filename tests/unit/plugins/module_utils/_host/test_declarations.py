# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Light dataclasses and named tuples: as those of the standard library, and fit for its functions."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host import declarations


def declared(dataclass: Any, field: Any, named_tuple: Any) -> tuple[Any, Any]:
    """The same classes, declared with what is given."""

    @dataclass(frozen=True)
    class Point:
        """A point."""

        x: int
        y: int = 2
        names: dict[str, int] = field(default_factory=dict)
        secret: str = field(default="hidden", repr=False)

        @property
        def total(self) -> int:
            return self.x + self.y

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("x is negative")

    class Pair(named_tuple):
        """A pair."""

        first: int
        second: str = "two"

        @property
        def both(self) -> str:
            return f"{self.first} {self.second}"

    return Point, Pair


LIGHT = declared(declarations.dataclass, declarations.field, declarations.NamedTuple)
STANDARD = declared(dataclasses.dataclass, dataclasses.field, typing.NamedTuple)

QUESTIONS: list[Callable[[Any, Any], Any]] = [
    lambda point, _pair: vars(point(1)),
    lambda point, _pair: vars(point(1, y=3, names={"a": 1})),
    lambda point, _pair: point(1).total,
    lambda point, _pair: repr(point(1)).rpartition(".")[2],
    lambda point, _pair: (point(1) == point(1, 2), point(1) == point(2), point(1) == (1, 2, {}, "hidden")),
    lambda point, _pair: point(1).names is point(1).names,
    lambda point, _pair: vars(dataclasses.replace(point(1), y=5)),
    lambda point, _pair: vars(declarations.replace(point(1), y=5)),
    lambda point, _pair: dataclasses.asdict(point(1)),
    lambda point, _pair: [each.name for each in dataclasses.fields(point)],
    lambda point, _pair: (dataclasses.is_dataclass(point), point.__doc__, point.__name__, point.__module__),
    lambda _point, pair: (pair(1), pair(1) == (1, "two"), pair(1).both, pair(1)._replace(second="x"), pair.__doc__),
    lambda _point, pair: (pair(1)._asdict(), repr(pair(1)), pair.__name__, pair._fields),
]
ERRORS: list[tuple[Callable[[Any, Any], Any], type[Exception]]] = [
    (lambda point, _pair: point(), TypeError),
    (lambda point, _pair: point(1, 2, {}, "s", 5), TypeError),
    (lambda point, _pair: point(1, x=1), TypeError),
    (lambda point, _pair: point(1, z=1), TypeError),
    (lambda point, _pair: point(-1), ValueError),
    (lambda point, _pair: setattr(point(1), "x", 2), AttributeError),
    (lambda _point, pair: pair(), TypeError),
    (lambda _point, pair: setattr(pair(1), "first", 2), AttributeError),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_they_answer_as_the_standard_librarys(question: Callable[[Any, Any], Any]) -> None:
    assert question(*LIGHT) == question(*STANDARD)


@pytest.mark.parametrize(("mistake", "kind"), ERRORS)
def test_they_refuse_what_the_standard_librarys_refuse(mistake: Callable[[Any, Any], Any], kind: type) -> None:
    for classes in (LIGHT, STANDARD):
        with pytest.raises(kind):
            mistake(*classes)


def test_equal_ones_have_one_hash() -> None:
    @declarations.dataclass(frozen=True)
    class Word:
        text: str

    assert {Word("a"), Word("a"), Word("b")} == {Word("a"), Word("b")}


def test_what_is_not_provided_for_is_refused() -> None:
    class Base:
        """Another class."""

    class Derived(Base):
        """Inherits."""

        x: int

    class Shared:
        """Has a default that its objects would share."""

        names: list[str] = []

    with pytest.raises(TypeError, match="inherits"):
        declarations.dataclass(frozen=True)(Derived)
    with pytest.raises(ValueError, match="default_factory"):
        declarations.dataclass(frozen=True)(Shared)


def test_a_field_cannot_be_removed() -> None:
    point = LIGHT[0](1)
    with pytest.raises(AttributeError):
        del point.x
