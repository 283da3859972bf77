# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the PEM reader: what is read, what is reported, and that nothing else ever happens."""

from __future__ import annotations

import itertools
import random
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import read_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body, from_pem, to_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_blocks, find_labels
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import (
    BEGIN,
    CORPUS,
    CRL_DER,
    CSR_DER,
    DER_A,
    DER_B,
    DER_C,
    END,
    PKCS8_DER,
    WELL_FORMED,
    A,
    B,
    C,
    Case,
    block,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
BLOCKS = {DER_A: A, DER_B: B, DER_C: C}


def unique(certificates: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(certificates))


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_reads_what_is_there_and_reports_what_is_lost(case: Case) -> None:
    content = read_pem(case.content)
    assert unique(content.certificates) == case.certificates
    assert len(content.problems) == case.errors, content.problems


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len({case.content for case in CORPUS}) == len(CORPUS)
    assert len(CORPUS) >= 60


def test_a_problem_names_the_block_and_its_line() -> None:
    (problem,) = read_pem(A + b"\n" + block("CERTIFICATE", b"?")).problems
    line = len(A.splitlines()) + 2
    assert problem.startswith(f"the CERTIFICATE in line {line} is not a certificate: it ")


def test_a_missing_line_end_between_two_is_told() -> None:
    first, second = read_pem(A.rstrip() + B).problems
    line = len(A.splitlines())
    assert first == f"the CERTIFICATE in line {line} has its END and the next BEGIN in one line"
    assert second.endswith("has no BEGIN line")


def test_what_is_passed_over_is_counted() -> None:
    assert read_pem(A + block("PRIVATE KEY", PKCS8_DER) + block("X509 CRL", CRL_DER)).skipped == 2


def test_a_flood_of_problems_is_cut_short() -> None:
    problems = read_pem((BEGIN + b"\n" + END + b"\n") * 5000).problems
    assert len(problems) == 101
    assert problems[-1] == "there are more such blocks"


@pytest.mark.parametrize(
    ("start", "repeated", "times"),
    [
        (b"", b"-", 4_000_000),
        (b"", b"-----BEGIN ", 400_000),
        (b"", b"-----BEGIN CERTIFICATE-----\n", 150_000),
        (b"", b"-----END X-----\n", 250_000),
        (b"", b"-----BEGIN A-----\n-----END B-----\n", 120_000),
        (b"-----BEGIN CERTIFICATE-----\n", b"A", 4_000_000),
    ],
    ids=["dashes", "one line", "beginnings", "ends", "mismatches", "one body"],
)
def test_hostile_content_takes_no_more_than_its_size_deserves(start: bytes, repeated: bytes, times: int) -> None:
    """A reader that looks twice at each byte for each block would need hours: this limit is far from both."""
    content = start + repeated * times
    started = time.process_time()
    assert read_pem(content).certificates == []
    assert find_blocks(content) == []
    assert len(find_labels(content)) <= 150_000
    assert time.process_time() - started < 30


@given(st.binary(max_size=500))
def test_never_raises(data: bytes) -> None:
    assert read_pem(data).certificates == []


@given(st.lists(st.sampled_from([A, BEGIN, END, b"\n", b"-----", b"MIIB", b"\xef\xbb\xbf", A[:70], A[70:], b" "])))
def test_never_raises_on_what_looks_like_pem(pieces: list[bytes]) -> None:
    for certificate in read_pem(b"".join(pieces)).certificates:
        assert certificate == DER_A


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element in ``data``, which must be whole."""
    while data:
        long = data[1] - 0x80 if data[1] >= 0x80 else 0
        length = int.from_bytes(data[2 : 2 + long], "big") if long else data[1]
        assert len(data) >= 2 + long + length
        yield data[0], data[2 + long : 2 + long + length]
        data = data[2 + long + length :]


def outline(der: bytes) -> tuple[list[int], list[int]]:
    """The tags of a certificate's three parts, and those of the first one's fields up to the key (RFC 5280, 4.1)."""
    ((tag, certificate),) = elements(der)
    assert tag == 0x30
    parts = list(elements(certificate))
    fields = [tag for tag, dummy in itertools.islice(elements(parts[0][1]), 7)]
    return [tag for tag, dummy in parts], fields[1:] if fields[0] == 0xA0 else fields[:6]


@given(
    st.sampled_from([DER_A, DER_B, CSR_DER, PKCS8_DER, CRL_DER]), st.randoms(use_true_random=False), st.integers(0, 3)
)
@settings(max_examples=500)
def test_never_returns_what_is_no_certificate(origin: bytes, source: random.Random, changes: int) -> None:
    """Whatever bytes are damaged, what is returned has the parts and the fields of a certificate, and its length."""
    data = bytearray(origin)
    for dummy in range(changes):
        # Damage at the front hits tags and lengths more often.
        position = source.randrange(min(source.choice([60, len(data)]), len(data)))
        data[position] = source.choice([0, 2, 3, 0x30, 0x80, 0x82, 0xFF, source.randrange(256)])
    for certificate in read_pem(block("CERTIFICATE", bytes(data))).certificates:
        assert outline(certificate) == ([0x30, 0x30, 3], [2, 0x30, 0x30, 0x30, 0x30, 0x30])


@given(st.binary(min_size=1, max_size=300))
def test_never_returns_bytes_that_only_claim_to_be_a_certificate(content: bytes) -> None:
    read = read_pem(block("CERTIFICATE", content))
    assert read.certificates == []
    assert len(read.problems) == 1


@given(
    st.lists(st.sampled_from([DER_A, DER_B, DER_C]), max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", b"text\n", b"\n\n", b"Subject: a-----b\n"]),
)
def test_keeps_the_order(certificates: list[bytes], line_end: bytes, text: bytes) -> None:
    data = text + b"".join(BLOCKS[certificate] + text for certificate in certificates)
    content = read_pem(data.replace(b"\n", line_end))
    assert content.certificates == certificates
    assert content.problems == []


def openssl_reads(file: Path) -> tuple[int, set[bytes]]:
    """How many certificates the platform's OpenSSL, as Python has it, reads in a file, and those of authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(file))
    return context.cert_store_stats()["x509"], set(context.get_ca_certs(binary_form=True))


@pytest.mark.parametrize("case", WELL_FORMED, ids=lambda case: case.name)
def test_agrees_with_openssl_on_what_is_well_formed(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(case.content)
    count, authorities = openssl_reads(file)
    certificates = set(read_pem(case.content).certificates)
    assert count == len(certificates)
    assert authorities <= certificates


@pytest.mark.parametrize("bundle", [SYSTEM_BUNDLE, Path(certifi.where())], ids=["system", "Mozilla"])
def test_agrees_with_openssl_on_the_worlds_roots(bundle: Path) -> None:
    if not bundle.exists():
        pytest.skip(f"this machine has no {bundle}")
    content = read_pem(bundle.read_bytes())
    assert openssl_reads(bundle) == (len(content.certificates), set(content.certificates))
    assert content.problems == []


def test_blocks_are_found_where_openssl_finds_none() -> None:
    """In files that were joined without a line end, in indented and in quoted text."""
    joined = A.rstrip() + B
    indented = b"".join(b"  " + line for line in A.splitlines(keepends=True))
    for data, ders in ((joined, [DER_A, DER_B]), (indented, [DER_A]), (A + block("X", b"?") + B, [DER_A, b"?", DER_B])):
        assert [decode_body(found.body) for found in find_blocks(data)] == ders
    assert find_labels(BEGIN + block("PRIVATE KEY", PKCS8_DER)) == [b"CERTIFICATE", b"PRIVATE KEY"]


_MARKERS = [f"-----{kind} {label}-----".encode() for kind in ("BEGIN", "END") for label in ("A", "B C")]
_SIMPLE_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


@given(st.lists(st.sampled_from([*_MARKERS, b"-----", b"END A-----", b"BEGIN A", b"\n", b"MII", b" "]), max_size=20))
@settings(max_examples=500)
def test_blocks_are_those_of_the_simple_expression_that_takes_too_long(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert find_blocks(data) == _SIMPLE_BLOCK.findall(data)


def test_a_certificate_goes_to_pem_and_back() -> None:
    assert to_pem(DER_A) == ssl.DER_cert_to_PEM_cert(DER_A)
    assert from_pem(to_pem(DER_A)) == from_pem(f" {to_pem(DER_A)}\n\n") == DER_A


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\udcff",
        to_pem(DER_A) + to_pem(DER_B),
        f"text\n{to_pem(DER_A)}",
        f"{to_pem(DER_A)}text",
        to_pem(DER_A).replace("CERTIFICATE", "X509 CERTIFICATE"),
        to_pem(DER_A).replace("M", "?"),
    ],
)
def test_from_pem_takes_one_certificate_and_nothing_else(text: str) -> None:
    with pytest.raises(DerError):
        from_pem(text)
