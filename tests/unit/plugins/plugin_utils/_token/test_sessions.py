# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with real tokens, each in a process of its own: one that has loaded a module keeps it."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens, check_attempts, open_session
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import parse_uri
from ansible_collections.anchorage.pki.tests.unit.processes import fork_all
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import PIN, SoftTokens

WRONG = "000000"


def opening(uri: str, tokens: Tokens) -> Callable[[], object]:
    return lambda: open_session(parse_uri(uri, "root_key_uri"), tokens)


def refused(uri: str, tokens: Tokens, kind: type[PkiError], words: str) -> Callable[[], None]:
    """A function that fails unless a session is refused so, without a word of a PIN."""

    def check() -> None:
        with pytest.raises(kind, match=words) as caught:
            opening(uri, tokens)()
        told = "".join(traceback.format_exception(caught.value, chain=True))
        assert caught.type is kind
        assert PIN not in told
        assert WRONG not in told

    return check


def test_a_process_has_one_session_with_a_token(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    def check() -> None:
        by_label = opening(lab, known)()
        assert by_label is opening(lab, known)()
        assert by_label is opening(lab.replace("token=lab", "token=lab;object=root"), known)()
        by_other_words = opening(lab.replace("token=lab", "token=lab;manufacturer=SoftHSM%20project"), known)()
        assert by_other_words.find("CKO_PRIVATE_KEY", by_label.uri) == []

    soft_tokens.apart(check)


def test_a_forked_process_opens_its_own(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    def check() -> None:
        inherited = opening(lab, known)()

        def work(_number: int) -> None:
            own = opening(lab, known)()
            assert own is not inherited
            assert own.find("CKO_PRIVATE_KEY", own.uri) == []

        fork_all(work, 4)
        assert opening(lab, known)() is inherited
        assert inherited.find("CKO_PRIVATE_KEY", inherited.uri) == []

    soft_tokens.apart(check)


def test_a_pin_from_a_file_goes_before_that_of_the_option(
    soft_tokens: SoftTokens, lab: str, known: Tokens, private_folder: Path
) -> None:
    file = private_folder / "pin"
    file.touch(mode=0o600)
    file.write_text(f"{PIN}\n")
    for tokens in (dataclasses.replace(known, pin=None), dataclasses.replace(known, pin=WRONG)):
        soft_tokens.apart(opening(f"{lab}&pin-source=file:{file}", tokens))


def test_a_file_with_a_pin_is_closed_to_others_and_there(
    soft_tokens: SoftTokens, lab: str, known: Tokens, private_folder: Path
) -> None:
    file = private_folder / "pin"
    soft_tokens.apart(refused(f"{lab}&pin-source={file}", known, KeyAwayError, "cannot be read: No such file"))
    file.write_text(PIN)
    file.chmod(0o640)
    soft_tokens.apart(refused(f"{lab}&pin-source={file}", known, PkiError, r"is open to other users \(mode 0640\)"))


def test_without_a_pin_nothing_is_tried(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    words = "^token_pin: the key of root_key_uri is on the PKCS#11 token with token 'lab'; give its PIN"
    soft_tokens.apart(refused(lab, dataclasses.replace(known, pin=None), KeyAwayError, words))


def test_an_empty_pin_is_never_tried(soft_tokens: SoftTokens, lab: str, known: Tokens, private_folder: Path) -> None:
    """As of a look-up that found nothing; some modules would ask at a keypad, and wait."""
    words = "^token_pin: is empty. Give the PIN of the PKCS#11 token with token 'lab'"
    soft_tokens.apart(refused(lab, dataclasses.replace(known, pin=""), KeyAwayError, words))
    file = private_folder / "pin"
    file.touch(mode=0o600)
    file.write_text("\n")
    words = rf"^root_key_uri: pin-source {file}: is empty"
    soft_tokens.apart(refused(f"{lab}&pin-source={file}", known, KeyAwayError, words))


def test_a_missing_module_or_token_is_told(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    missing = "pkcs11:token=lab?module-path=/nowhere/token.so"
    soft_tokens.apart(refused(missing, known, KeyAwayError, "module /nowhere/token.so cannot be loaded"))
    other = lab.replace("token=lab", "token=other")
    soft_tokens.apart(refused(other, known, KeyAwayError, "with token 'other' is not at hand. Attach it"))
    soft_tokens.take_away()
    soft_tokens.apart(refused(lab, known, KeyAwayError, "with token 'lab' is not at hand"))
    soft_tokens.bring_back()
    soft_tokens.apart(opening(lab, known))


def test_two_tokens_of_one_label_are_told_apart_by_serial(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    soft_tokens.make("lab")
    soft_tokens.apart(
        refused(lab, known, KeyAwayError, "there are 2 of the PKCS#11 token with token 'lab'. Give serial=")
    )


def test_a_wrong_pin_is_tried_once_by_25_processes(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    """A right one is not tried after it either: a token that counts would lock at the next slip."""
    mistaken = dataclasses.replace(known, pin=WRONG)
    words = "^token_pin: the PKCS#11 token with token 'lab' refused its PIN. It is not tried again in this run"
    soft_tokens.apart(refused(lab, mistaken, PassphraseError, words), 25)
    soft_tokens.apart(refused(lab, known, PassphraseError, words))
    soft_tokens.apart(opening(lab, dataclasses.replace(known, run_folder=known.run_folder.with_name("next"))))


def test_25_processes_log_in_at_once(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    soft_tokens.apart(opening(lab, known), 25)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (4, "^root_key_uri: the PIN of .*'lab' is locked"),
        (2, "locks its PIN at the next wrong one, and nothing is tried"),
    ],
)
def test_a_token_that_is_locked_or_about_to_be_is_left_alone(flags: int, words: str) -> None:
    """SoftHSM never locks: these are the flags of those that do."""
    library = SimpleNamespace(CKF_USER_PIN_LOCKED=4, CKF_USER_PIN_FINAL_TRY=2)
    uri = parse_uri("pkcs11:token=lab?module-path=/usr/lib/token.so", "root_key_uri")
    check_attempts(library, 1, uri)
    with pytest.raises(KeyAwayError, match=words):
        check_attempts(library, flags | 1, uri)


def test_without_the_package_it_is_named(soft_tokens: SoftTokens, lab: str, known: Tokens) -> None:
    def check() -> None:
        sys.modules["PyKCS11"] = None  # type: ignore[assignment]  # as an import finds none
        refused(lab, known, KeyAwayError, "needs the Python package PyKCS11 on the controller; .* has none")()

    soft_tokens.apart(check)
