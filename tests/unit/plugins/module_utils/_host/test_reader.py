# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of programs that read and judge beside this one."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.reader import finish, start

SHELL = "/bin/sh"


def test_it_gets_its_input_and_says_how_it_ended() -> None:
    reader = start([SHELL, "-c", "cat; echo $GIVEN >&2; exit 3"], b"input\n", {"GIVEN": "a variable"})
    assert finish(reader, 30) == (3, "input\na variable\n")


def test_an_input_that_no_pipe_would_hold_is_read_too() -> None:
    reader = start([SHELL, "-c", "wc -c"], b"x" * 2_000_000, {})
    assert finish(reader, 30)[1].strip() == "2000000"


def test_its_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSSL_CONF", "/of/the/caller")
    names = finish(start([SHELL, "-c", "env"], b"", {}), 30)[1]
    assert "OPENSSL_CONF" not in names
    assert "LC_ALL=C" in names


def test_two_work_at_a_time() -> None:
    first, second = (start([SHELL, "-c", f"echo {number}"], b"", {}) for number in (1, 2))
    assert [finish(reader, 30)[1] for reader in (second, first)] == ["2\n", "1\n"]


@pytest.mark.parametrize("told", [True, False], ids=["as the kernel tells", "by looking"])
def test_one_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    if not told:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    reader = start([SHELL, "-c", "exec sleep 600"], b"", {})
    with pytest.raises(HostError, match=r"sleep 600 did not finish within 0\.2 seconds and was stopped"):
        finish(reader, 0.2)
    with pytest.raises(ChildProcessError):
        os.waitpid(reader.process, os.WNOHANG)


def test_a_system_without_files_in_memory_has_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert finish(start([SHELL, "-c", "cat"], b"input", {}), 30) == (0, "input")


@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "in a folder"])
def test_it_gets_files_by_their_names(monkeypatch: pytest.MonkeyPatch, in_memory: bool) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    reader = start([SHELL, "-c", 'for file; do cat "$file" "$file"; done; cat', "-"], b"input", {}, [b"1", b"2" * 100])
    assert finish(reader, 30) == (0, "11" + "2" * 200 + "input")


def open_files() -> list[int]:
    """The descriptors that this process has open, of those that a new one would get."""

    def is_open(descriptor: int) -> bool:
        try:
            os.fstat(descriptor)
        except OSError:
            return False
        return True

    return [descriptor for descriptor in range(256) if is_open(descriptor)]


def test_whatever_becomes_of_it_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space")

    before = open_files()
    finish(start([SHELL, "-c", "cat"], b"input", {}, [b"file"]), 30)
    with pytest.raises(HostError):
        start(["/no/such/program"], b"input", {}, [b"file"])
    with pytest.raises(ValueError, match="null"):
        start([SHELL, "a zero\0byte"], b"input", {}, [b"file"])
    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(OSError, match="no space"):
        start([SHELL, "-c", "cat"], b"input", {}, [b"file"])
    monkeypatch.undo()
    assert open_files() == before


def test_one_that_is_missing_is_named() -> None:
    with pytest.raises(HostError, match=r"/no/such/program cannot be run: No such file or directory\."):
        start(["/no/such/program"], b"", {})
