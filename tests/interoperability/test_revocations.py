# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifiers read the lists and responses that the collection publishes, from files and from real web servers."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import CERTIFICATE, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS, SHA1, ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import NOTHING
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import (
    RevocationTransaction,
    publish_root,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path, response_path
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import key_identifier
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from ansible_collections.anchorage.pki.tests.unit.leaves import NGINX, free_port
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from interoperability.pki import NOW, Chain, Pki, make_pki
from interoperability.programs import ENVIRONMENT, need, run, serve, write_chain
from interoperability.test_lint import (
    CONSTRAINTS,
    NOT_PUBLIC,
    lint_certificate,
    lint_list,
    lint_public_server,
    lint_staple,
)
from interoperability.verifiers import Verdict, judge

SAMPLES = Path(__file__).parent / "samples"
SECONDS = 10
GOOD, REVOKED = "good", "revoked"
Server = Callable[[Path, Path, int], AbstractContextManager[int]]
#: The site is one that only a private network has, as the names in the leaf are.
PRIVATE_SITE = {'ERROR cabf.internal_domain_name Internal domain name: "pki.test"'}


@dataclass(frozen=True)
class Published:
    """What an authority has published in a folder, and leaves of it: one that is good and one that is revoked."""

    pki: Pki
    folder: Path
    chains: dict[str, Chain]

    def crl(self, certificate: x509.Certificate) -> x509.CertificateRevocationList:
        return x509.load_der_x509_crl((self.folder / list_path(key_identifier(certificate))).read_bytes())

    @property
    def lists(self) -> list[x509.CertificateRevocationList]:
        return [self.crl(certificate) for certificate in (self.pki.issuing.certificate, self.pki.root)]

    def response(self, name: str, digest: str = SHA1) -> bytes:
        path = response_path(self.chains[name].leaf, self.pki.issuing.certificate, digest)
        return (self.folder / path).read_bytes()


def publish(pki: Pki, folder: Path, leaves: dict[str, x509.Certificate], **named: str | None) -> None:
    """Have these leaves in the ledger, and revoke and publish as a task does that names a certificate so."""
    with open_ledger(pki.authority.ledger_path) as ledger:
        with ledger.transaction():
            for host, leaf in leaves.items():
                place = LeafPlace(f"{host}-{leaf.serial_number:x}", "/etc/pki/anchorage", "app")
                ledger.record_leaf(leaf, pki.authority.issuing.sha256, place, ["app.test"], "controller")
        arguments = {**NOTHING, "reason": "key_compromise", **named}
        RevocationTransaction(pki.authority, Passphrases(), ledger, folder, NOW).carry_out(arguments)


@pytest.fixture(scope="module")
def published(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("public") / "pki"
    chains = {name: pki.chain("app.test") for name in (GOOD, REVOKED)}
    leaves = {name: chain.leaf for name, chain in chains.items()}
    publish(pki, folder, leaves, serial=f"{leaves[REVOKED].serial_number:x}")
    return Published(pki, folder, chains)


def write_lists(path: Path, *lists: x509.CertificateRevocationList) -> Path:
    path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in lists))
    return path


def openssl(published: Published, folder: Path, lists: Path) -> Verdict:
    """Judge a chain as ``openssl verify`` does that needs a list of every issuer."""
    files = {"-CAfile": published.pki.root_file, "-CRLfile": lists, "-untrusted": folder / "issuers.pem"}
    options = [word for option, path in files.items() for word in (option, path)]
    return judge("openssl", "verify", "-crl_check_all", *options, folder / "leaf.pem")


def certtool(published: Published, folder: Path, lists: Path) -> Verdict:
    """Judge a chain as GnuTLS does."""
    trust = ("--load-ca-certificate", published.pki.root_file, "--load-crl", lists)
    return judge("certtool", "--verify", *trust, "--infile", folder / "chain.pem")


VERIFIERS = [(openssl, "certificate revoked"), (certtool, "revoked")]


@pytest.mark.parametrize(("verifier", "words"), VERIFIERS)
def test_verifiers_refuse_what_is_on_a_list_and_nothing_else(
    published: Published, tmp_path: Path, verifier: Callable[..., Verdict], words: str
) -> None:
    lists = write_lists(tmp_path / "lists.pem", *published.lists)
    good = verifier(published, write_chain(published.chains[GOOD], tmp_path / GOOD), lists)
    assert good.accepted, good.words
    revoked = verifier(published, write_chain(published.chains[REVOKED], tmp_path / REVOKED), lists)
    assert not revoked.accepted
    assert words in revoked.words


def gnutls_cli(anchors: list[x509.Certificate], folder: Path, lists: Path) -> Verdict:
    """Judge a server as a client of GnuTLS does, which takes lists of its ``anchors`` alone."""
    trust = folder.with_name("anchors.pem")
    trust.write_text("".join(map(to_pem, anchors)))
    with serve(folder) as port:
        name = ("--sni-hostname=app.test", "--verify-hostname=app.test")
        return judge(
            "gnutls-cli", f"--x509cafile={trust}", f"--x509crlfile={lists}", *name, f"--port={port}", "127.0.0.1"
        )


def test_a_client_of_gnutls_refuses_a_revoked_server(published: Published, tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "lists.pem", *published.lists)
    anchors = [published.pki.root, published.pki.issuing.certificate]
    good = gnutls_cli(anchors, write_chain(published.chains[GOOD], tmp_path / GOOD), lists)
    assert good.accepted, good.words
    revoked = gnutls_cli(anchors, write_chain(published.chains[REVOKED], tmp_path / REVOKED), lists)
    assert not revoked.accepted
    assert "The certificate chain is revoked" in revoked.words


def test_openssl_wants_the_list_of_every_issuer(published: Published, tmp_path: Path) -> None:
    folder = write_chain(published.chains[GOOD], tmp_path / GOOD)
    for one in published.lists:
        verdict = openssl(published, folder, write_lists(tmp_path / "one.pem", one))
        assert not verdict.accepted
        assert "unable to get certificate CRL" in verdict.words


@pytest.mark.parametrize(("verifier", "words"), VERIFIERS)
def test_verifiers_refuse_leaves_of_a_revoked_issuing_authority(
    tmp_path: Path, verifier: Callable[..., Verdict], words: str
) -> None:
    pki = make_pki(KeyType.ECDSA_P256, tmp_path / "authority")
    chain = pki.chain("app.test")
    publish(pki, tmp_path / "pki", {GOOD: chain.leaf}, certificate=str(pki.authority.issuing.folder / CERTIFICATE))
    published = Published(pki, tmp_path / "pki", {GOOD: chain})
    lists = write_lists(tmp_path / "lists.pem", *published.lists)
    served = write_chain(chain, tmp_path / GOOD)
    verdicts = {words: verifier(published, served, lists)}
    of_root = write_lists(tmp_path / "root.pem", published.crl(pki.root))
    verdicts["The certificate chain is revoked"] = gnutls_cli([pki.root], served, of_root)
    for expected, verdict in verdicts.items():
        assert not verdict.accepted
        assert expected in verdict.words


def test_openssl_and_certtool_read_the_lists(published: Published, tmp_path: Path) -> None:
    path = published.folder / list_path(key_identifier(published.pki.issuing.certificate))
    (tmp_path / "issuing.pem").write_text(to_pem(published.pki.issuing.certificate))
    said = run("openssl", "crl", "-inform", "DER", "-in", path, "-noout", "-text", "-CAfile", tmp_path / "issuing.pem")
    assert "verify OK" in said.stdout
    assert f"{published.chains[REVOKED].leaf.serial_number:X}" in said.stdout
    assert "Key Compromise" in said.stdout
    trust = ("--load-ca-certificate", tmp_path / "issuing.pem")
    lists = write_lists(tmp_path / "list.pem", published.crl(published.pki.issuing.certificate))
    verified = judge("certtool", "--verify-crl", *trust, "--infile", lists)
    assert verified.accepted, verified.words


@pytest.mark.parametrize("digest", DIGESTS)
@pytest.mark.parametrize("name", [GOOD, REVOKED])
def test_openssl_reads_the_responses(published: Published, tmp_path: Path, name: str, digest: str) -> None:
    folder = write_chain(published.chains[name], tmp_path / name)
    (tmp_path / "response.der").write_bytes(published.response(name, digest))
    files = {"-respin": tmp_path / "response.der", "-issuer": folder / "issuers.pem"}
    options = [word for option, path in files.items() for word in (option, path)]
    trust = ("-no-CApath", "-no-CAstore", "-CAfile", published.pki.root_file, "-verify_other", folder / "issuers.pem")
    asked = (f"-{digest}", "-cert", folder / "leaf.pem")
    words = judge("openssl", "ocsp", "-no_nonce", *options, *trust, *asked).words
    assert "Response verify OK" in words
    assert f"leaf.pem: {name}" in words
    assert ("Reason: keyCompromise" in words) == (name == REVOKED)


def test_pkilint_has_nothing_to_say(published: Published) -> None:
    for one in published.lists:
        assert lint_list(one) == set()
    for name in (GOOD, REVOKED):
        for digest in DIGESTS:
            assert lint_staple(published.response(name, digest)) == set()


@pytest.mark.parametrize("key_type", [KeyType.ECDSA_P256, KeyType.RSA_3072])
@pytest.mark.parametrize("reason", ["unspecified", "ca_compromise"])
def test_a_revoked_issuing_certificate_is_on_a_list_that_verifiers_take(
    tmp_path: Path, key_type: KeyType, reason: str
) -> None:
    pki = make_pki(key_type, tmp_path / "authority")
    leaf, issuing = pki.chain("app.test").leaf, pki.issuing.certificate
    for revoked, leaves in ((leaf, {REVOKED: leaf}), (issuing, {})):
        publish(pki, tmp_path / "pki", leaves, serial=f"{revoked.serial_number:x}", reason=reason)
    published = Published(pki, tmp_path / "pki", {})
    for revoked, issuer in ((leaf, issuing), (issuing, pki.root)):
        crl = published.crl(issuer)
        (entry,) = crl
        # One that says nothing is left out (RFC 5280, section 5.3.1).
        reasons = [extension.value.reason.name for extension in entry.extensions]
        assert (entry.serial_number, reasons) == (revoked.serial_number, [] if reason == "unspecified" else [reason])
        assert lint_list(crl) == set()
        (tmp_path / "issuer.pem").write_text(to_pem(issuer))
        path = tmp_path / "pki" / list_path(key_identifier(issuer))
        read = run("openssl", "crl", "-inform", "DER", "-in", path, "-noout", "-CAfile", tmp_path / "issuer.pem")
        assert "verify OK" in read.stdout
        lists = write_lists(tmp_path / "list.pem", crl)
        verified = judge(
            "certtool", "--verify-crl", "--load-ca-certificate", tmp_path / "issuer.pem", "--infile", lists
        )
        assert verified.accepted, verified.words


# From web servers


def make_published(folder: Path, site: str, names: Iterable[str]) -> Published:
    """An authority whose certificates name URLs of ``site``, and that has published what is there: of leaves with these
    names the first one is revoked."""
    urls = {
        "crl_url": f"{site}/crl/{{issuer}}.crl",
        "ocsp_url": f"{site}/ocsp",
        "issuer_url": f"{site}/issuers/{{issuer}}.cer",
    }
    root_first = partial(publish_root, Passphrases(), folder / "pki", NOW)
    pki = make_pki(KeyType.ECDSA_P256, folder / "authority", root_first, **urls)
    chains = {name: pki.chain("app.test") for name in names}
    leaves = {name: chain.leaf for name, chain in chains.items()}
    publish(pki, folder / "pki", leaves, serial=f"{next(iter(leaves.values())).serial_number:x}")
    return Published(pki, folder / "pki", chains)


@contextmanager
def nginx(folder: Path, public: Path, port: int) -> Iterator[int]:
    """An nginx that serves ``public`` by the sample, on a local port."""
    if NGINX is None:
        pytest.skip("nginx: install nginx-light")
    sample = (SAMPLES / "nginx.conf").read_text()
    server = sample.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("/srv/pki;", f"{public};")
    configuration = nginx_configuration(server).replace("{folder}", str(folder))
    (folder / "nginx.conf").write_text(configuration)
    command = [NGINX, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with running(command, port):
        yield port


@contextmanager
def caddy(folder: Path, public: Path, port: int) -> Iterator[int]:
    """A Caddy that serves ``public`` by the sample, on a local port."""
    need("caddy")
    sample = (SAMPLES / "Caddyfile").read_text()
    server = sample.replace("http://pki.test {", f"http://pki.test:{port} {{").replace("/srv/pki", str(public))
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + server)
    with running(["caddy", "run", "--config", str(folder / "Caddyfile")], port):
        yield port


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            fetch(port, "GET", "/")
            return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


def fetch(port: int, method: str, path: str, body: bytes | None = None) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path, body, {"Host": "pki.test"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def encoded(leaf: x509.Certificate, issuer: x509.Certificate, digest: str) -> str:
    return base64.b64encode(ocsp_request(leaf, issuer, digest)).decode()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """So many leaves that their requests have every character of base64, also as the last one, which is a slash."""
    folder = tmp_path_factory.mktemp("many")
    pki = make_pki(KeyType.ECDSA_P256, folder / "authority")
    chains: dict[str, Chain] = {}
    while len(chains) < 100 or not any(ends_with_slash(pki, chain.leaf) for chain in chains.values()):
        chains[f"web{len(chains)}"] = pki.chain("app.test")
    leaves = {name: chain.leaf for name, chain in chains.items()}
    publish(pki, folder / "pki", leaves, serial=f"{leaves['web0'].serial_number:x}")
    return Published(pki, folder / "pki", chains)


def ends_with_slash(pki: Pki, leaf: x509.Certificate) -> bool:
    return any(encoded(leaf, pki.issuing.certificate, digest).endswith("/") for digest in DIGESTS)


def check_server(port: int, many: Published) -> None:
    """Get each response by its request, escaped as some clients have it and as others do not, lists and issuers."""
    issuer, seen = many.pki.issuing.certificate, ""
    for name, chain in many.chains.items():
        for digest in DIGESTS:
            path = encoded(chain.leaf, issuer, digest)
            seen += path
            for written in (path, quote(path, safe="")):
                answer, content = fetch(port, "GET", f"/ocsp/{written}")
                assert (answer.status, content) == (200, many.response(name, digest)), written
                check_headers(answer, "application/ocsp-response")
                response = ocsp.load_der_ocsp_response(content)
                assert response.serial_number == chain.leaf.serial_number
                revoked = response.certificate_status is ocsp.OCSPCertStatus.REVOKED
                assert revoked == (name == "web0")
    assert set("/+=") <= set(seen)
    for certificate in (issuer, many.pki.root):
        key = key_identifier(certificate)
        answer, content = fetch(port, "GET", f"/crl/{key}.crl")
        assert content == many.crl(certificate).public_bytes(Encoding.DER)
        check_headers(answer, "application/pkix-crl")
        answer, content = fetch(port, "GET", f"/issuers/{key}.cer")
        assert content == certificate.public_bytes(Encoding.DER)
        check_headers(answer, "application/pkix-cert")


def check_headers(answer: HTTPResponse, content_type: str) -> None:
    """As the documentation has them, of lists, issuers and responses alike."""
    assert answer.headers.get_all("Content-Type") == [content_type]
    caching = {word.strip() for header in answer.headers.get_all("Cache-Control", []) for word in header.split(",")}
    assert caching == {"max-age=3600", "public", "no-transform", "must-revalidate"}
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert abs(modified.timestamp() - time.time()) < 3600  # as of the file, which the tests have just made
    assert answer.headers["ETag"]
    if answer.headers["Server"].startswith("nginx"):
        left = parsedate_to_datetime(answer.headers["Expires"]) - parsedate_to_datetime(answer.headers["Date"])
        assert left.total_seconds() == 3600
    else:
        assert "Expires" not in answer.headers


@pytest.mark.parametrize("server", [nginx, caddy])
def test_servers_of_files_answer_every_request(many: Published, tmp_path: Path, server: Server) -> None:
    with server(tmp_path, many.folder, free_port()) as port:
        check_server(port, many)
        unknown = encoded(many.pki.chain("app.test").leaf, many.pki.issuing.certificate, SHA1)
        missing, _content = fetch(port, "GET", f"/ocsp/{unknown}")
        assert (missing.status, missing.headers["Cache-Control"]) == (404, None)
        assert fetch(port, "POST", "/ocsp/", b"x")[0].status in (403, 404, 405)


def test_openssl_fetches_the_lists_that_certificates_name(tmp_path: Path) -> None:
    port = free_port()
    published = make_published(tmp_path, f"http://127.0.0.1:{port}", [REVOKED, GOOD])
    # Nothing in a root names its own list, which OpenSSL asks for, too.
    of_root = write_lists(tmp_path / "root.pem", published.crl(published.pki.root))
    with nginx(tmp_path, published.folder, port):
        for name, words in ((GOOD, "leaf.pem: OK"), (REVOKED, "certificate revoked")):
            folder = write_chain(published.chains[name], tmp_path / name)
            trust = ("-CAfile", published.pki.root_file, "-untrusted", folder / "issuers.pem")
            checks = ("-crl_check_all", "-crl_download", "-CRLfile", of_root)
            verdict = judge("openssl", "verify", *checks, *trust, folder / "leaf.pem")
            assert verdict.accepted == (name == GOOD), verdict.words
            assert words in verdict.words


def test_pkilint_takes_the_urls(tmp_path: Path) -> None:
    published = make_published(tmp_path, "http://pki.test", [REVOKED])
    assert lint_certificate(published.chains[REVOKED].leaf) == set()
    assert lint_certificate(published.pki.issuing.certificate) == CONSTRAINTS
    of_urls = {finding for finding in NOT_PUBLIC if "_absent" in finding and "policies" not in finding}
    assert len(of_urls) == 3
    assert lint_public_server(published.chains[REVOKED].leaf) == NOT_PUBLIC - of_urls | PRIVATE_SITE
