# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of others (a host's answer, a file's name, a certificate's subject) made fit for a result, or to be shown."""

from __future__ import annotations


def single_line(text: str, longest: int) -> str:
    """At most ``longest`` characters of ``text`` on one line, with a space for each that cannot be printed.

    Such are line ends, the escape that begins a terminal's control sequences, and the surrogates of undecodable bytes.
    """
    return "".join(character if character.isprintable() else " " for character in text[:longest])


def encodable(text: str) -> str:
    """The text with everything escaped that UTF-8 cannot express, since Ansible's results cannot carry it.

    Such are the surrogates by which Python represents the undecodable bytes of a file's name.
    """
    return text.encode("utf-8", "backslashreplace").decode()
