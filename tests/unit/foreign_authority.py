# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority that is not ours: its certificates name its responder, and it signs what that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

DAY = timedelta(days=1)
URL = "http://ocsp.corporate.test/"


@dataclass(frozen=True)
class ForeignAuthority:
    """Its certificate and key, and the time at which all is made."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    now: datetime

    @property
    def pem(self) -> str:
        return pem_of(self.certificate).decode()

    def leaf(
        self,
        name: str = "app.test",
        urls: Sequence[str] = (URL,),
        ends: timedelta = 90 * DAY,
        serial: int | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        access = [
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
            for url in urls
        ]
        return make_root(
            name,
            issuer=self.certificate.subject,
            signer=self.key,
            ca=None,
            may_sign=None,
            not_before=self.now - DAY,
            not_after=self.now + ends,
            serial=serial,
            extensions=[*extensions, *([x509.AuthorityInformationAccess(access)] if access else [])],
        )

    def response(
        self,
        leaf: x509.Certificate,
        begins: timedelta = timedelta(hours=-1),
        ends: timedelta = 7 * DAY,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        certificate_id: hashes.HashAlgorithm = hashes.SHA1(),  # noqa: B008, S303
    ) -> bytes:
        """What it says of a leaf, valid from one distance from now to another."""
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=leaf,
                issuer=self.certificate,
                algorithm=certificate_id,
                cert_status=status,
                this_update=self.now + begins,
                next_update=self.now + ends,
                revocation_time=self.now - DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def answer(self, question: Question, *leaves: x509.Certificate) -> Answer:
        """What its responder answers to a question about one of these leaves."""
        serial = ocsp.load_der_ocsp_request(question.request).serial_number
        (leaf,) = (leaf for leaf in leaves if leaf.serial_number == serial)
        return Answer(question.name, self.response(leaf))
