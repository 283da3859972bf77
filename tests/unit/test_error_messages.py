# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every error message: what it is about, how long it is, and that the page on troubleshooting has it."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.anchorage.pki.tests.unit.error_messages import (
    GIVEN,
    ROOT,
    Message,
    error_messages,
    texts_in,
    texts_of_tasks,
)

PAGE = ROOT / "docs" / "troubleshooting.md"
#: Three lines of a terminal, without what a message is given.
LONGEST = 3 * 120
#: A file, host or value that is given, an option or setting by its name, or a program.
ABOUT = re.compile(
    rf"{GIVEN}|^[a-z_]+(\.[a-z_]+|, [a-z_]+)*: |\b[a-z]+_[a-z_]+\b|\b[A-Z]+_[A-Z_]+\b"
    r"|\b(become|certifi|certutil|jmespath|OpenSSL|p11-kit|sqlite3)\b"
)
#: What is said after a colon, or in brackets, of a message that names file, host and way out: of servers and
#: responders, of generations, of Macs, and of what keeps a program on a host from its work.
PARTS = (
    "_host/refusals.py",
    "_leaf/generation_health.py",
    "_leaf/key_check.py",
    "_leaf/probing.py",
    "_leaf/staging.py",
    "_leaf/staple_health.py",
    "_native_roots/",
    "_ocsp_client/",
    "_programs/",
    "_tls/",
    "_trust/java/",
    "_trust/system/macos",
)


@functools.cache
def messages() -> list[Message]:
    """Those that tell somebody something, collected by the process alone that runs these tests."""
    return [message for message in error_messages() if message.tells]


def whole() -> list[Message]:
    """Those of them that are not a part of another one."""
    return [message for message in messages() if not any(part in message.file for part in PARTS)]


def shown(some: list[Message]) -> str:
    return "\n".join(f"{message.file}:{message.line}: {message.text}" for message in some)


def sections() -> list[tuple[str, str, list[str]]]:
    """The title of each section of the page, its text, and its messages."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [(part.split("\n", 1)[0], part, re.findall(r"^- `(.+)`$", part, re.MULTILINE)) for part in parts]


def test_there_are_hundreds_of_both_sides() -> None:
    assert len(messages()) > 400
    assert {"host", "core"} == {"host" if "module_utils" in message.file else "core" for message in messages()}


def test_the_page_has_each_message_and_no_other() -> None:
    """By its words, with the sign for what it is given; what to add or to take away is in the failure."""
    on_page = {text for _title, _part, texts in sections() for text in texts}
    missing = [message for message in messages() if message.text not in on_page]
    assert not missing, f"docs/troubleshooting.md lacks:\n{shown(missing)}"
    gone = on_page - {message.text for message in messages()}
    assert not gone, "docs/troubleshooting.md has what nobody says any more:\n" + "\n".join(sorted(gone))


def test_each_message_is_on_the_page_once_below_its_cause_and_what_to_do() -> None:
    texts = [text for _title, _part, texts in sections() for text in texts]
    assert sorted(texts) == sorted(set(texts))
    for title, part, _texts in sections():
        cause, found, rest = part.split("\n", 1)[1].partition("**What to do.** ")
        assert len(cause.split()) > 10, title
        assert found, title
        assert len(rest.split("\n\n", 1)[0].split()) > 10, title


def test_the_pages_that_it_leads_to_are_there() -> None:
    linked = re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8"))
    assert linked
    assert [name for name in linked if not (PAGE.parent / name).is_file()] == []


def test_each_message_takes_three_lines_at_most() -> None:
    long = [message for message in messages() if len(message.words) > LONGEST]
    assert not long, shown(long)
    broken = [message for message in messages() if "\n" in message.text.strip()]
    assert not broken, shown(broken)


def test_each_message_says_what_it_is_about() -> None:
    vague = [message for message in whole() if not ABOUT.search(message.text)]
    assert not vague, shown(vague)


def test_each_message_that_stands_alone_is_of_whole_sentences() -> None:
    cut = [message for message in whole() if not re.search(rf"[.!?)]$|{GIVEN}$|: \S+$", message.text)]
    assert not cut, shown(cut)


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("raise PkiError('names: none.')", ["names: none."]),
        ("raise HostError(f'{path} is {what!r}.')", ["… is …."]),
        ("class Own(PkiError): ...\nraise Own('a: b.') from error", ["a: b."]),
        ("class Own(HostError): ...\nclass Other(Own): ...\nOther('c: d.')", ["c: d."]),
        ("HostError('a.' if x else f'b {c}.')", ["a.", "b …."]),
        ("WAY = 'Run it.'\nPkiError(f'{a} is due. {WAY}')", ["… is due. Run it."]),
        ("def said(x):\n    return f'{x} is late.'\nPkiError(said(1))", ["… is late."]),
        ("KINDS = {1: 'one.', 2: 'two.'}\nPkiError(KINDS[x])", ["one.", "two."]),
        ("fail_json(msg=f'{a} is no file.')", ["… is no file."]),
        ("return {'failed': True, 'msg': 'It is late.'}", ["It is late."]),
        ("raise PkiError(error)", ["…"]),
        ("raise ValueError('of nobody')", []),
    ],
)
def test_messages_are_found_in_each_form(code: str, texts: list[str]) -> None:
    found = texts_in({Path("a.py"): ast.parse(code)})
    assert sorted(text for _path, _line, text in found) == texts


def test_messages_are_found_in_tasks_at_any_depth() -> None:
    play = """
    - hosts: all
      tasks:
        - block:
            - ansible.builtin.assert: {that: false, fail_msg: "{{ a }} is {{ {'b': 'c'}.b }}.", quiet: true}
          rescue:
            - ansible.builtin.fail:
                msg: >-
                  Not
                  done.
    """
    assert sorted(texts_of_tasks(yaml.safe_load(play))) == ["Not done.", "… is …."]
