# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages between controller and host: whole, or refused with the field that is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._wire.arguments import argument_spec
from ansible_collections.anchorage.pki.plugins.module_utils._wire.choices import choices
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    MalformedError,
    choice,
    decode,
    digest,
    encode,
    flag,
    line,
    lines,
    message,
    messages,
    number,
    seconds,
    text,
    texts,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.content import content
from hypothesis import given, settings
from hypothesis import strategies as st

DIGEST = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Part:
    name: str = line()
    count: int = number(0, largest=9)


@dataclass(frozen=True)
class Whole:
    sha256: str = digest()
    certificate: str = text("", longest=20)
    key: bytes = content(b"", no_log=True)
    fresh: bool = flag(False)
    action: str = choice(("keep", "replace"), "keep")
    limit: float = seconds(30.0)
    notes: tuple[str, ...] = lines(most=2, longest=5)
    command: tuple[str, ...] = texts(most=2, longest=9)
    parts: tuple[Part, ...] = messages(Part, most=2)


WHOLE = Whole(
    DIGEST, "pem\n", b"\0secret", True, "replace", 1.5, ("one", "two"), ("printf", "\\n\x1b"), (Part("a", 1), Part("b"))
)


def test_a_message_arrives_as_it_was_sent() -> None:
    assert decode(Whole, json.loads(json.dumps(encode(WHOLE)))) == WHOLE


@pytest.mark.parametrize("name", list(Whole.__dataclass_fields__))
def test_what_is_left_out_is_missed(name: str) -> None:
    with pytest.raises(MalformedError, match=f"^{name} is missing$"):
        decode(Whole, {key: value for key, value in encode(WHOLE).items() if key != name})


@pytest.mark.parametrize("name", list(Whole.__dataclass_fields__))
def test_nothing_is_null(name: str) -> None:
    with pytest.raises(MalformedError, match=f"^{name} is "):
        decode(Whole, {**encode(WHOLE), name: None})


def test_bytes_of_the_largest_size_arrive() -> None:
    @dataclass(frozen=True)
    class Parcel:
        staple: bytes = content(largest=100)

    assert decode(Parcel, encode(Parcel(bytes(100)))) == Parcel(bytes(100))
    with pytest.raises(MalformedError, match=r"^staple is longer than 136 characters$"):
        decode(Parcel, encode(Parcel(bytes(103))))


def test_a_name_of_undecodable_bytes_is_escaped() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert encode(Part(name, 1)) == {"name": "caf\\udce9", "count": 1}


def test_what_is_no_part_of_it_is_left_out() -> None:
    assert decode(Part, {"name": "a", "count": 0, "ansible_facts": {"evil": True}}) == Part("a")


def test_words_are_cut_and_cleaned() -> None:
    whole = decode(Whole, {**encode(WHOLE), "notes": ["\x1b[2Jlong", "b", "c"]})
    assert whole.notes == (" [2Jl", "b")


def test_too_many_messages_are_cut() -> None:
    parts = [{"name": name, "count": 0} for name in "abc"]
    assert decode(Whole, {**encode(WHOLE), "parts": parts}).parts == (Part("a"), Part("b"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sha256": "0" * 63}, "sha256 is not a SHA-256"),
        ({"sha256": DIGEST + "\n"}, "sha256 is not a SHA-256"),
        ({"sha256": DIGEST.upper()}, "sha256 is not a SHA-256"),
        ({"sha256": None}, "sha256 is of the wrong type"),
        ({"certificate": "x" * 21}, "certificate is longer than 20 characters"),
        ({"certificate": ["x"]}, "certificate is of the wrong type"),
        ({"key": "not base64"}, "key is not base64"),
        ({"key": "Å"}, "key is not base64"),
        ({"key": 7}, "key is of the wrong type"),
        ({"fresh": 1}, "fresh is of the wrong type"),
        ({"action": "explode"}, "action is none of keep, replace"),
        ({"action": ["keep"]}, "action is none of keep, replace"),
        ({"limit": "soon"}, "limit is of the wrong type"),
        ({"notes": "abc"}, "notes is of the wrong type"),
        ({"notes": [1]}, "notes is of the wrong type"),
        ({"command": "abc"}, "command is of the wrong type"),
        ({"command": ["a", 1]}, "command is of the wrong type"),
        ({"command": ["a"] * 3}, "command has more than 2 entries"),
        ({"command": ["a" * 10]}, "command is longer than 9 characters"),
        ({"parts": {}}, "parts is of the wrong type"),
        ({"parts": [{"name": "a", "count": 10}]}, "parts count is not a number from 0 to 9"),
        ({"parts": [{"name": "a", "count": True}]}, "parts count is not a number from 0 to 9"),
        ({"parts": [{"name": "a", "count": -1}]}, "parts count is not a number from 0 to 9"),
        ({"parts": [{"name": "a", "count": "1"}]}, "parts count is of the wrong type"),
        ({"parts": [{"count": 1}]}, "parts name is missing"),
        ({"parts": ["a"]}, "parts is no dictionary"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedError, match=f"^{reason}$"):
        decode(Whole, {**encode(WHOLE), **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
)


@settings(deadline=None)  # however busy the machine is
@given(JSON | st.fixed_dictionaries(dict.fromkeys(Whole.__dataclass_fields__, JSON)))
def test_any_json_is_a_message_or_malformed(value: Any) -> None:
    with suppress(MalformedError):
        assert isinstance(decode(Whole, value), Whole)


def test_a_message_is_taken_to_the_host_by_these_arguments() -> None:
    assert argument_spec(Whole) == {
        "sha256": {"type": "str", "required": True},
        "certificate": {"type": "str", "default": ""},
        "key": {"type": "str", "default": "", "no_log": True},
        "fresh": {"type": "bool", "default": False},
        "action": {"type": "str", "default": "keep", "choices": ["keep", "replace"]},
        "limit": {"type": "float", "default": 30.0},
        "notes": {"type": "list", "elements": "str", "default": []},
        "command": {"type": "list", "elements": "str", "default": []},
        "parts": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"name": {"type": "str", "required": True}, "count": {"type": "int", "default": 0}},
        },
    }


def test_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(WHOLE)
    assert "AHNl" not in repr(WHOLE)


def test_a_message_may_hold_another_one() -> None:
    @dataclass(frozen=True)
    class Envelope:
        part: Part = message(Part)

    assert decode(Envelope, encode(Envelope(Part("a", 2)))) == Envelope(Part("a", 2))
    assert argument_spec(Envelope)["part"] == {"type": "dict", "required": True, "options": argument_spec(Part)}
    with pytest.raises(MalformedError, match=r"^part name is missing$"):
        decode(Envelope, {"part": {}})


def test_every_field_of_a_message_is_declared() -> None:
    @dataclass(frozen=True)
    class Careless:
        name: str = field(default="")

    with pytest.raises(KeyError):
        argument_spec(Careless)


@dataclass(frozen=True)
class Chosen:
    kinds: tuple[str, ...] = choices(("a", "b", "c"), ("a", "b"), most=3)


def test_some_of_several_words_may_be_chosen() -> None:
    assert Chosen() == Chosen(("a", "b"))
    assert decode(Chosen, encode(Chosen(("c",)))) == Chosen(("c",))
    assert argument_spec(Chosen) == {
        "kinds": {"type": "list", "elements": "str", "choices": ["a", "b", "c"], "default": ["a", "b"]}
    }


@pytest.mark.parametrize("kinds", ["a", None, ["d"], [["a"]], [1], ["a"] * 4])
def test_no_other_word_can_be_chosen(kinds: Any) -> None:
    with pytest.raises(MalformedError, match=r"^kinds "):
        decode(Chosen, {"kinds": kinds})
