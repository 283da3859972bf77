# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals are noted, not acted upon, and handed back as they were."""

from __future__ import annotations

import os
import signal

from ansible_collections.anchorage.pki.plugins.module_utils._host.interruption import watched_interruptions


def test_the_first_signal_is_told() -> None:
    with watched_interruptions() as interruption:
        assert interruption() == ""
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        assert interruption() == "interrupted by SIGTERM"


def test_handlers_are_handed_back() -> None:
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with watched_interruptions():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


def test_what_nohup_ignores_stays_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with watched_interruptions() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption() == ""
    finally:
        signal.signal(signal.SIGHUP, former)
