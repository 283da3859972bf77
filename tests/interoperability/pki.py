# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority as certificate_authority makes it, and whatever a test wants it to have signed.

The signing functions are called directly, past the checks of the actions: a verifier has to refuse what they make then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    Authority,
    CertifiedKey,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    PublishRoot,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Signer,
    Subject,
    Validity,
    sign_issuing,
    sign_leaf,
    sign_root,
    validity_from,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KeyType,
    PrivateKey,
    generate_key,
    signature_hash,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_names
from cryptography import x509

NOW = datetime.now(timezone.utc)
DAYS = 90
VALIDITY = validity_from(NOW, DAYS)
EXPIRED = validity_from(NOW - timedelta(days=DAYS), DAYS - 1)


@dataclass(frozen=True)
class Chain:
    """A leaf with its key, and the certificates that lead from it to the root: the leaf first, the root left out."""

    certificates: tuple[x509.Certificate, ...]
    key: PrivateKey

    @property
    def leaf(self) -> x509.Certificate:
        return self.certificates[0]


@dataclass(frozen=True)
class Pki:
    """A complete authority whose keys are open, and one key that all its leaves share."""

    key_type: KeyType
    authority: Authority

    @property
    def root(self) -> x509.Certificate:
        return self.authority.root.certificate

    @property
    def root_file(self) -> Path:
        return self.authority.root.folder / CERTIFICATE

    @cached_property
    def root_signer(self) -> Signer:
        return _signer(self.authority.root)

    @cached_property
    def issuing(self) -> Signer:
        return _signer(self.authority.issuing)

    @cached_property
    def responder(self) -> Signer:
        return _signer(self.authority.issuing.responder)

    @cached_property
    def leaf_key(self) -> PrivateKey:
        return generate_key(self.key_type)

    def chain(
        self,
        *names: str,
        profile: Profile = Profile.SERVER,
        validity: Validity = VALIDITY,
        signer: Signer | None = None,
    ) -> Chain:
        """A leaf for ``names``, by the issuing authority unless another ``signer`` is given, with the policy's URLs."""
        signer, urls = signer or self.issuing, self.authority.policy.urls
        wanted = parse_names(list(names))
        leaf = sign_leaf(self.leaf_key.public_key(), signer, wanted, profile, validity, urls=urls)
        return Chain((leaf, signer.certificate), self.leaf_key)

    def below(self, chain: Chain, *names: str) -> Chain:
        """A leaf that the leaf of ``chain`` has signed with its own key."""
        lower = self.chain(*names, signer=Signer(chain.leaf, chain.key))
        return replace(lower, certificates=(lower.leaf, *chain.certificates))

    def below_a_subordinate(self, *names: str) -> Chain:
        """A leaf of an authority that the issuing authority has signed, which its path length forbids."""
        key = generate_key(self.key_type)
        constraints = self.authority.policy.constraints
        certificate = sign_issuing(
            key.public_key(), self.issuing, Subject("Subordinate"), 1, validity_from(NOW, 2 * DAYS), constraints
        )
        return self.below(Chain((certificate, self.issuing.certificate), key), *names)

    def below_a_next_root(self) -> Chain:
        """A leaf of the next root's issuing authority, led to this root by the cross-certificate it gave the next."""
        policy, validity = self.authority.policy, validity_from(NOW, 2 * DAYS)
        key, issuing_key = generate_key(self.key_type), generate_key(self.key_type)
        next_root = Signer(sign_root(key, Subject("Next root"), validity, policy.constraints), key)
        issuing = sign_issuing(issuing_key.public_key(), next_root, Subject("Next"), 1, validity, policy.constraints)
        cross = self._signed_by_root(next_root.certificate, path_length=1)
        chain = self.chain("app.test", signer=Signer(issuing, issuing_key))
        return replace(chain, certificates=(*chain.certificates, cross))

    def with_short_root(self) -> x509.Certificate:
        """This root, with the same key and name, as 0.2.0 made it."""
        return self._signed_by_root(self.root, path_length=1)

    def _signed_by_root(self, certificate: x509.Certificate, path_length: int) -> x509.Certificate:
        """The contents of ``certificate`` signed by the root, with another path length."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(certificate.subject)
            .issuer_name(self.root.subject)
            .public_key(certificate.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(certificate.not_valid_before_utc)
            .not_valid_after(certificate.not_valid_after_utc)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        )
        for extension in certificate.extensions:
            if not isinstance(extension.value, x509.BasicConstraints):
                builder = builder.add_extension(extension.value, extension.critical)
        if certificate != self.root:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_signer.key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        return builder.sign(self.root_signer.key, signature_hash(self.root_signer.key))

    def below_an_unconstrained_issuer(self, *names: str) -> Chain:
        """A leaf of an issuing authority without name constraints, such as a thief of the root's key would make."""
        key = generate_key(self.key_type)
        certificate = sign_issuing(
            key.public_key(), self.root_signer, Subject("Thief"), 1, validity_from(NOW, 2 * DAYS), constraints=None
        )
        return self.chain(*names, signer=Signer(certificate, key))

    def nameless(self) -> Chain:
        """A leaf with a host name outside the constraints as its CN, and with no subject alternative name."""
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "evil.example.com")]))
            .issuer_name(self.issuing.certificate.subject)
            .public_key(self.leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(VALIDITY.not_before)
            .not_valid_after(VALIDITY.not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.leaf_key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing.key.public_key()), critical=False
            )
            .sign(self.issuing.key, signature_hash(self.issuing.key))
        )
        return Chain((leaf, self.issuing.certificate), self.leaf_key)

    def foreign(self) -> Chain:
        """A leaf of an authority with the same names and another root."""
        policy, key, issuing_key = self.authority.policy, generate_key(self.key_type), generate_key(self.key_type)
        validity = validity_from(NOW, 2 * DAYS)
        root = Signer(sign_root(key, policy.subject, validity, policy.constraints), key)
        issuing = sign_issuing(issuing_key.public_key(), root, policy.subject, 1, validity, policy.constraints)
        return self.chain("app.test", signer=Signer(issuing, issuing_key))


def make_pki(key_type: KeyType, folder: Path, publish_root: PublishRoot | None = None, **options: str) -> Pki:
    """Make an authority with the default constraints in ``folder``, as the action would with these ``options``."""
    folder.mkdir(mode=0o700)
    plan = plan_provisioning(folder, {"key_type": key_type.value, **options}, "Interoperability", NOW)
    return Pki(key_type, carry_out(plan, Passphrases(), NOW, publish_root))


def _signer(certified_key: CertifiedKey) -> Signer:
    return Signer(certified_key.certificate, certified_key.key(None, "passphrase"))
