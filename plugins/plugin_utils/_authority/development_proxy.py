# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority of a development proxy: it signs a leaf for each name below localhost by itself, when one is asked for.

It is below the root, in ``delegated/`` of the authority's folder, since what is in ``issuing/`` signs every leaf, and
since an issuing certificate can sign no authority. Its own certificate is in the ledger; its leaves are in none, and
have no staples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    DELEGATED,
    Authority,
    CertifiedKey,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.delegation import Wanted, sign_below
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import KEY, Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import OPTION, ProxyFolder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_delegated
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    create_complete_folder,
    remove_private,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import distinguished_name
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import NameConstraints, lost_subtrees
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, encode_key, generate_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import PROXY, PROXY_REMAINDER

#: All names below it, and no address: a proxy tells its sites apart by their names.
CONSTRAINTS = NameConstraints(("localhost",), ())
#: What the proxy's own leaves have, and every client knows, whatever the keys of the authority are.
KEY_TYPE = KeyType.ECDSA_P256


@dataclass(frozen=True)
class ProxyPlan:
    """What is about to be done for a proxy, and why. ``last`` is the newest of the ``former`` authorities that still
    has its key, None for none; it is to be replaced where ``is_due``."""

    folder: ProxyFolder
    former: tuple[CertifiedKey, ...]
    last: CertifiedKey | None
    is_due: bool
    steps: tuple[str, ...]

    @property
    def number(self) -> int:
        """That of the authority that is in use afterwards."""
        newest = self.former[-1].number if self.former else 0
        return self.last.number if self.last and not self.is_due else newest + 1

    def lines(self) -> tuple[dict[str, str], dict[str, str]]:
        """Before and after, for a diff."""
        before = {_name(self.last.number): _until(self.last)} if self.last else {}
        after = dict(before) if self.folder.is_wanted else {}
        for name, _colon, reason in (step.partition(": ") for step in self.steps):
            if self.folder.is_wanted:
                after[name] = f"new, for {PROXY} days ({reason})" if self.is_due else f"written ({reason})"
            else:
                before.setdefault(name, "in use")
        return before, after


def plan_proxy(folder: ProxyFolder, authority: Authority | None, policy: Policy, now: datetime) -> ProxyPlan:
    """Compare what is wanted with what is there; changes nothing. ``authority`` is None while there is none. Raises
    PkiError where the authority must not have such a proxy."""
    former = read_delegated(authority.folder) if authority else ()
    keyed = [one for one in former if (one.folder / KEY).exists()]
    last = keyed[-1] if keyed else None
    if not folder.is_wanted:
        return ProxyPlan(folder, former, last, False, _removal(folder, former, last))
    _check_policy(policy)
    reason = _why_due(authority, last, now) if authority and authority.epochs else "there is none yet"
    plan = ProxyPlan(folder, former, last, bool(reason), ())
    if not reason and authority and last:
        wrong = folder.shortcomings(last, authority.root)
        reason = f"{folder.path} has not what it should have: {', '.join(wrong)}" if wrong else ""
    return ProxyPlan(folder, former, last, plan.is_due, (f"{_name(plan.number)}: {reason}",) if reason else ())


def carry_out_proxy(
    plan: ProxyPlan, authority: Authority, passphrases: Passphrases, now: datetime
) -> CertifiedKey | None:
    """Do what was planned, under the lock of the authority's folder, which the caller holds. The proxy's authority,
    None for none. Raises PkiError."""
    if not plan.folder.is_wanted:
        if plan.folder.left(plan.former):
            plan.folder.clear()
        _drop_keys(plan.former)
        return None
    proxy = _make(plan.number, authority, passphrases, now) if plan.is_due else plan.last
    if proxy is not None and plan.steps:
        plan.folder.write(proxy, authority.root, proxy.key(passphrases.authority, "passphrase"))
        _drop_keys([one for one in plan.former if one.number != proxy.number])
    return proxy


def _make(number: int, authority: Authority, passphrases: Passphrases, now: datetime) -> CertifiedKey:
    """Another authority, entered once it is in the folder: one that is in the folder alone is made again."""
    key = generate_key(KEY_TYPE)
    subject = distinguished_name(authority.policy.subject, f"{authority.policy.subject.common_name} proxy {number}")
    folder = authority.folder / DELEGATED / str(number)
    wanted = Wanted(key.public_key(), subject, PROXY, CONSTRAINTS.extension())
    with open_ledger(authority.ledger_path) as ledger:
        certificate = sign_below(authority, ledger, wanted, passphrases, now)
        files = {CERTIFICATE: to_pem(certificate).encode(), KEY: encode_key(key, passphrases.authority)}
        create_complete_folder(folder, files)
        with ledger.transaction():
            ledger.record_delegated(certificate, authority.root.sha256)
    return CertifiedKey(folder, certificate)


def _why_due(authority: Authority, last: CertifiedKey | None, now: datetime) -> str:
    """Why another authority is made, empty where none is."""
    if last is None:
        return "there is none yet"
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        entered = {fingerprint(one): is_revoked for one, is_revoked in ledger.delegated_certificates()}
    start, end = last.certificate.not_valid_before_utc, last.certificate.not_valid_after_utc
    if last.sha256 not in entered:
        return "the ledger does not know the last one"
    if entered[last.sha256]:
        return "the last one is revoked"
    if last.certificate.issuer != authority.root.certificate.subject:
        return "the last one is below another root"
    return f"the last one ends on {end:%Y-%m-%d}" if end - now < (end - start) * PROXY_REMAINDER else ""


def _removal(folder: ProxyFolder, former: Sequence[CertifiedKey], last: CertifiedKey | None) -> tuple[str, ...]:
    left: list[Path] = [one.folder / KEY for one in former if (one.folder / KEY).exists()] + folder.left(former)
    number = last.number if last else former[-1].number if former else 1
    return (f"{_name(number)}: removed, with {', '.join(map(str, left))}",) if left else ()


def _drop_keys(proxies: Sequence[CertifiedKey]) -> None:
    for proxy in proxies:
        if (proxy.folder / KEY).exists():
            remove_private(proxy.folder / KEY)


def _check_policy(policy: Policy) -> None:
    if policy.external_root:
        raise PkiError(
            f"{OPTION}: this authority has not the key of its root, and its issuing key may sign no authority, which a "
            "development proxy is. Make an authority of its own for the development machine, in another folder."
        )
    if policy.constraints is not None and lost_subtrees(CONSTRAINTS, policy.constraints):
        raise PkiError(
            f"{OPTION}: the authority's name constraints do not permit localhost, so that every client would reject "
            "what the proxy signs. Make another authority in another folder with localhost among its "
            "permitted_domains, or have the playbook anchorage.pki.rotate_authority bring a root that includes it."
        )


def _name(number: int) -> str:
    return f"development proxy {number}"


def _until(proxy: CertifiedKey) -> str:
    return f"until {proxy.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
