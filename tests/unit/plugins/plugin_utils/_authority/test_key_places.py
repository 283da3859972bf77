# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorities with keys on real tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.delegation import delegate, plan_delegation
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import make_planned, planned_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    carry_out,
    check_passphrases,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import authority_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri, parse_uri
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import corporate_root, pem
from ansible_collections.anchorage.pki.tests.unit.soft_tokens import PIN, SoftTokens

Provision = Callable[..., Authority]
ASKED = {"issuing_request_path": "/somewhere/issuing.csr"}


@pytest.fixture
def soft_tokens(tmp_path: Path) -> SoftTokens:
    return SoftTokens(tmp_path)


@pytest.fixture
def lab(soft_tokens: SoftTokens) -> KeyUri:
    """A token of the test's own."""
    return parse_uri(soft_tokens.make("lab"), "root_key_uri")


@pytest.fixture
def folder(private_folder: Path) -> Path:
    return private_folder / "authority"


@pytest.fixture
def provision(folder: Path, now: datetime) -> Provision:
    """A function that does what a task of certificate_authority does."""

    def make(
        tokens: Tokens, at: datetime = now, secret: str | None = None, given: Sequence[Given] = (), **options: Any
    ) -> Authority:
        plan = plan_provisioning(folder, options, "Lab", at, given, tokens)
        passphrases = Passphrases(secret, None, tokens)
        check_passphrases(plan, passphrases)
        folder.mkdir(mode=0o700, exist_ok=True)
        return carry_out(plan, passphrases, at)

    return make


@pytest.fixture
def both(lab: KeyUri, private_folder: Path) -> Tokens:
    """Root and issuing authority on the token."""
    return Tokens(PIN, private_folder / "run", lab, lab)


def test_both_keys_are_made_there_and_renewed_there(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, now: datetime
) -> None:
    def check() -> None:
        made = provision(both)
        for key, label in ((made.root, "Lab"), (made.issuing, "Lab issuing 1")):
            assert sorted(path.name for path in key.folder.iterdir() if path.is_file()) == [
                "certificate.pem",
                "key.uri",
            ]
            assert (key.folder / "key.uri").stat().st_mode & 0o777 == 0o600
            assert key.key_uri
            assert key.key_uri.object == label
        assert (made.issuing.responder.folder / "key.pem").exists()
        # Without the options, and with them, nothing is due. Later ones have keys of their own, on the same token.
        neither = dataclasses.replace(both, root=None, issuing=None)
        assert not plan_provisioning(folder, {}, "", now, tokens=neither).steps
        assert not plan_provisioning(folder, {}, "", now, tokens=both).steps
        renewed = provision(neither, now + timedelta(days=3 * 365 - 30))
        assert renewed.issuing.number == 2
        assert renewed.issuing.key_uri
        assert renewed.issuing.key_uri.object == "Lab issuing 2"
        assert not list(folder.glob("root/*/key.pem"))
        assert not list(folder.glob("issuing/*/key.pem"))

    soft_tokens.apart(check)
    labels = [told.split("label:")[1].split("\n")[0].strip() for told in soft_tokens.private_keys("lab")]
    assert sorted(labels) == ["Lab", "Lab issuing 1", "Lab issuing 2"]


def test_a_renewed_root_keeps_its_key_there(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, now: datetime
) -> None:
    def check() -> None:
        made = provision(both)
        renewed = provision(both, now + timedelta(days=9 * 365))
        assert renewed.root.number == 2
        assert renewed.root.key_uri == made.root.key_uri
        assert renewed.root.certificate.public_key() == made.root.certificate.public_key()

    soft_tokens.apart(check)


def test_the_issuing_key_moves_to_a_token_at_once_and_the_root_never(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, now: datetime
) -> None:
    def check() -> None:
        provision(Tokens())
        with pytest.raises(PkiError, match=r"^root_key_uri: the key of the root .* is in a file, and stays there"):
            plan_provisioning(folder, {}, "", now, tokens=both)
        alone = dataclasses.replace(both, root=None)
        plan = plan_provisioning(folder, {}, "", now, tokens=alone)
        words = "issuing authority 2: its key is to be on the PKCS#11 token with token 'lab'"
        assert words in [str(step) for step in plan.steps]
        moved = provision(alone)
        assert moved.issuing.number == 2
        assert moved.issuing.key_uri
        assert not plan_provisioning(folder, {}, "", now, tokens=alone).steps
        assert authority_result(moved)["issuing"]["key_uri"] == str(moved.issuing.key_uri)
        assert authority_result(moved)["root"]["key_uri"] is None

    soft_tokens.apart(check)


def test_the_next_issuing_key_in_a_file_is_encrypted_as_the_former_one(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, now: datetime
) -> None:
    """Also where the root is on a token, whose key has no passphrase."""

    def check() -> None:
        mixed = dataclasses.replace(both, issuing=None)
        made = provision(mixed, secret="correct horse battery staple")
        assert made.root.key_uri
        later = now + timedelta(days=3 * 365 - 30)
        with pytest.raises(KeyAwayError, match=r"^passphrase: the private key .*issuing/1/key.pem is encrypted"):
            provision(mixed, later)
        assert provision(mixed, later, secret="correct horse battery staple").issuing.number == 2

    soft_tokens.apart(check)


def test_a_named_key_is_used_for_one_certificate(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, now: datetime
) -> None:
    for key, identifier in (("ours", "01"), ("next", "02")):
        soft_tokens.make_key("lab", key, "EC:prime256v1", identifier)
    assert both.root
    ours, following = (dataclasses.replace(both.root, object=key) for key in ("ours", "next"))

    def check() -> None:
        with pytest.raises(PkiError, match="names the key of another certificate"):
            provision(dataclasses.replace(both, root=ours, issuing=ours))
        assert not folder.exists()
        named = dataclasses.replace(both, root=ours, issuing=following)
        made = provision(named)
        assert made.root.key_uri == ours
        assert not plan_provisioning(folder, {}, "", now, tokens=named).steps
        with pytest.raises(PkiError, match="names the key of another certificate"):
            provision(named, now + timedelta(days=3 * 365 - 30))
        assert read_authority(folder).issuing.number == 1

    soft_tokens.apart(check)
    assert len(soft_tokens.private_keys("lab")) == 2


@pytest.mark.parametrize("fault", ["away", "pin", "other"])
def test_what_keeps_a_token_from_it_leaves_nothing(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, fault: str
) -> None:
    assert both.issuing
    tokens = {
        "away": both,
        "pin": dataclasses.replace(both, pin="000000"),
        "other": dataclasses.replace(both, issuing=dataclasses.replace(both.issuing, token="other")),
    }[fault]
    if fault == "away":
        soft_tokens.take_away()

    def check() -> None:
        with pytest.raises(PkiError):
            provision(tokens)
        assert not folder.exists()

    soft_tokens.apart(check)
    if fault == "away":
        soft_tokens.bring_back()
    assert soft_tokens.private_keys("lab") == []


def test_check_mode_looks_at_the_token_and_makes_nothing_there(
    soft_tokens: SoftTokens, both: Tokens, folder: Path, private_folder: Path, now: datetime
) -> None:
    def check() -> None:
        plan = plan_provisioning(folder, {}, "Lab", now, tokens=both)
        passphrases = Passphrases(tokens=both)
        check_passphrases(plan, passphrases)
        make_planned(plan, passphrases, private_folder, now)
        assert (planned_folder(folder, private_folder) / "root" / "1" / "key.pem").exists()

    soft_tokens.apart(check)
    assert soft_tokens.private_keys("lab") == []


def test_a_token_that_was_away_between_runs_signs_again(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path
) -> None:
    def check(is_away: bool) -> None:
        issuing = read_authority(folder).issuing
        if is_away:
            with pytest.raises(KeyAwayError, match=r"^.*issuing/1/key.uri: .*'lab' is not at hand"):
                issuing.key(None, "passphrase", both)
        else:
            assert issuing.key(None, "passphrase", both).public_key() == issuing.certificate.public_key()

    soft_tokens.apart(lambda: provision(both))
    soft_tokens.take_away()
    soft_tokens.apart(lambda: check(True))
    soft_tokens.bring_back()
    soft_tokens.apart(lambda: check(False))


def answered(authority: Authority, now: datetime) -> list[Given]:
    """What a company's root sends for the request of an authority."""
    assert authority.request
    root = corporate_root(now)
    return [Given("issuing_certificate", pem(root.sign(authority.request.request), *root.chain))]


def test_the_key_of_a_request_is_made_there_and_signs_once_the_answer_has_come(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, private_folder: Path, now: datetime
) -> None:
    tokens = dataclasses.replace(both, root=None)

    def ask() -> None:
        asked = provision(tokens, **ASKED)
        assert asked.request
        assert asked.request.request.is_signature_valid
        assert sorted(path.name for path in asked.request.folder.iterdir()) == ["key.uri", "request.pem"]
        assert not plan_provisioning(folder, ASKED, "", now, tokens=tokens).steps

    soft_tokens.apart(ask)
    asked = read_authority(folder)
    answer = answered(asked, now)

    def refuse() -> None:
        with pytest.raises(PassphraseError, match="refused its PIN"):
            provision(dataclasses.replace(tokens, pin="000000", run_folder=private_folder / "other"), given=answer)
        assert read_authority(folder).request

    def take() -> None:
        assert asked.request
        plan = plan_provisioning(folder, {}, "", now, answer, tokens)
        make_planned(plan, Passphrases(tokens=tokens), private_folder, now)
        planned = read_authority(planned_folder(folder, private_folder))
        assert planned.issuing.key(None, "passphrase", tokens).public_key() == asked.request.request.public_key()

        made = provision(tokens, given=answer)
        assert made.issuing.key_uri == asked.request.key_uri
        assert made.issuing.responder.folder.joinpath("key.pem").exists()
        assert not plan_provisioning(folder, ASKED, "", now, answer, tokens).steps
        renewed = provision(dataclasses.replace(tokens, issuing=None), now + timedelta(days=1000 - 100))
        assert renewed.request
        assert renewed.request.key_uri
        assert renewed.request.key_uri.object == "Lab issuing 2"

    soft_tokens.apart(refuse)
    soft_tokens.apart(take)
    assert len(soft_tokens.private_keys("lab")) == 2


def test_below_the_root_of_others_a_key_moves_to_a_token_by_another_request(
    soft_tokens: SoftTokens, both: Tokens, provision: Provision, folder: Path, now: datetime
) -> None:
    def check() -> None:
        asked = provision(Tokens(), **ASKED)
        with pytest.raises(PkiError, match=r"^root_key_uri: the root is another authority's"):
            plan_provisioning(folder, ASKED, "", now, tokens=both)
        alone = dataclasses.replace(both, root=None)
        with pytest.raises(PkiError, match=r"^issuing_key_uri: the key of the request .*issuing/1/.* is in a file"):
            plan_provisioning(folder, ASKED, "", now, tokens=alone)
        provision(Tokens(), given=answered(asked, now))
        plan = plan_provisioning(folder, {}, "", now, tokens=alone)
        words = "request for issuing authority 2: its key is to be on the PKCS#11 token with token 'lab'"
        assert [str(step) for step in plan.steps] == [words]
        moved = provision(alone)
        assert moved.request
        assert moved.request.key_uri
        assert moved.issuing.number == 1
        assert not plan_provisioning(folder, {}, "", now, tokens=alone).steps

    soft_tokens.apart(check)


def test_a_root_there_signs_the_request_of_another_controller(
    soft_tokens: SoftTokens,
    both: Tokens,
    provision: Provision,
    make_authority: Callable[..., Authority],
    folder: Path,
    private_folder: Path,
    now: datetime,
) -> None:
    other = make_authority(private_folder / "other", subject={"common_name": "Other"}, **ASKED)
    assert other.request
    content = other.request.path.read_bytes()

    def check(pin: str | None) -> None:
        made = read_authority(folder)
        delegation = plan_delegation(Given("sign_request", content), made, made.policy)
        passphrases = Passphrases(tokens=dataclasses.replace(both, pin=pin))
        if pin is None:
            with pytest.raises(KeyAwayError, match=r"^token_pin: "):
                delegate(delegation, made, passphrases, now)
        else:
            delegate(delegation, made, passphrases, now).verify_directly_issued_by(made.root.certificate)

    soft_tokens.apart(lambda: provision(both))
    soft_tokens.apart(lambda: check(None))
    soft_tokens.apart(lambda: check(PIN))
