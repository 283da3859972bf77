# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services in Python have the newest certificate in each handshake, and never half of one."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils import latest_context
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils.latest_context import LatestContext
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    Leaf,
    delivery,
    deploy_leaf,
    destination_at,
    inspected,
    issuer,
    make_leaf,
    repair,
    tcp_server,
)
from ansible_collections.anchorage.pki.tests.unit.processes import fork
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

NAME = "app.test"
PASSWORD = "a password of its own"


@pytest.fixture
def folder(private_folder: Path) -> Path:
    """A destination with the leaf ``app``, whose generations a test adds."""
    return private_folder


def put(folder: Path, leaf: Leaf | None = None) -> Leaf:
    """Deploy the next generation, as the module does."""
    leaf = leaf or make_leaf(NAME)
    generations = [int(path.name[1:]) for path in (folder / "app").glob("v*")]
    deploy_leaf(destination_at(folder), leaf, max(generations, default=0))
    return leaf


def combined(leaf: Leaf) -> bytes:
    return (leaf.certificate + leaf.chain + leaf.private_key).encode()


def replace_file(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)


def bundle_of(leaf: Leaf, password: str = "") -> bytes:
    certificates = [x509.load_pem_x509_certificate(text.encode()) for text in (leaf.certificate, leaf.chain)]
    key = load_pem_private_key(leaf.private_key.encode(), None)
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"app", key, certificates[0], certificates[1:], encryption)  # type: ignore[arg-type]


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """A server that keeps one context, as most do."""

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall((tls.selected_alpn_protocol() or "none").encode())

    with tcp_server(answer) as port:
        yield port


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=issuer()[0].public_bytes(Encoding.PEM).decode())
    return context


def visit(port: int, context: ssl.SSLContext | None = None, name: str | None = NAME) -> tuple[str, str]:
    """The certificate that is served, and what the server says."""
    context = context or client_context()
    context.check_hostname = name is not None
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    with context.wrap_socket(connection, server_hostname=name) as tls:
        return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True) or b""), tls.recv(10).decode()


def served(port: int, **options: object) -> str:
    return visit(port, **options)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", [NAME, None], ids=["named", "unnamed"])
def test_each_handshake_gets_the_newest_generation(folder: Path, version: ssl.TLSVersion, name: str | None) -> None:
    leaves = [put(folder)]
    client = client_context()
    client.minimum_version = client.maximum_version = version
    with serving(LatestContext(folder / "app").for_server()) as port:
        for _again in range(3):
            assert served(port, context=client, name=name) == leaves[-1].certificate
            leaves.append(put(folder))
        assert served(port, context=client, name=name) == leaves[-1].certificate


def test_a_server_with_an_event_loop_has_it_too(folder: Path) -> None:
    async def serve() -> list[str]:
        async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"none")
            writer.close()

        context = LatestContext(folder / "app").for_server()
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            first = await asyncio.to_thread(served, port)
            renewed.append(put(folder))
            return [first, await asyncio.to_thread(served, port)]

    renewed = [put(folder)]
    assert asyncio.run(serve()) == [leaf.certificate for leaf in renewed]


def test_what_the_service_asks_of_clients_survives_a_renewal(folder: Path) -> None:
    """OpenSSL takes the authorities of clients, and ALPN's choice, from the context of the certificate."""
    authority = issuer()[0].public_bytes(Encoding.PEM).decode()

    def create() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
        return context

    put(folder)
    user = folder / "user.pem"
    user.write_bytes(combined(make_leaf("user.test")))
    client, stranger = client_context(), client_context()
    for context in (client, stranger):
        context.set_alpn_protocols(["h2"])
    client.load_cert_chain(user)
    with serving(LatestContext(folder / "app", create=create).for_server()) as port:
        for _again in range(2):
            leaf = put(folder)
            assert visit(port, client) == (leaf.certificate, "h2")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                visit(port, stranger)


class Watched(ssl.SSLContext):
    """Does something else whenever it has loaded a certificate."""

    then: Callable[..., object]

    def load_cert_chain(self, *arguments: Any, **options: Any) -> None:
        super().load_cert_chain(*arguments, **options)
        self.then(*arguments)


def watched(then: Callable[..., object]) -> Callable[[], ssl.SSLContext]:
    def create() -> ssl.SSLContext:
        context = Watched(ssl.PROTOCOL_TLS_SERVER)
        context.then = then
        return context

    return create


FORMS: dict[str, Callable[[Leaf], bytes]] = {
    "app.pem": combined,
    "app.P12": bundle_of,
    "secret.pfx": lambda leaf: bundle_of(leaf, PASSWORD),
    "secret.pem": lambda leaf: (
        (leaf.certificate + leaf.chain).encode()
        + load_pem_private_key(leaf.private_key.encode(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
        )
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_one_file_is_a_set_too(folder: Path, name: str) -> None:
    path, leaves = folder / name, [make_leaf(NAME), make_leaf(NAME)]
    path.write_bytes(FORMS[name](leaves[0]))
    latest = LatestContext(path, password=PASSWORD if "secret" in name else None)
    with serving(latest.for_server()) as port:
        assert served(port) == leaves[0].certificate
        replace_file(path, FORMS[name](leaves[1]))
        assert served(port) == leaves[1].certificate


@pytest.mark.parametrize("name", ["secret.pem", "secret.pfx"])
@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_wrong_password_is_refused_and_nobody_is_asked_for_one(
    folder: Path, name: str, password: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_bytes(FORMS[name](make_leaf(NAME)))
    with pytest.raises((ssl.SSLError, ValueError)):
        LatestContext(folder / name, password=password)
    assert capfd.readouterr() == ("", "")


def test_no_private_key_of_a_bundle_is_written_in_clear(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def note(file: str, *_others: object) -> None:
        written.append(Path(file).read_text())
        assert Path(file).stat().st_mode & 0o077 == 0

    monkeypatch.setenv("TMPDIR", str(folder))
    (folder / "app.p12").write_bytes(bundle_of(make_leaf(NAME)))
    LatestContext(folder / "app.p12", create=watched(note))
    assert "BEGIN ENCRYPTED PRIVATE KEY" in written[0]
    assert "BEGIN PRIVATE KEY" not in written[0]
    assert [path.name for path in folder.iterdir()] == ["app.p12"]


WRONG: dict[str, Callable[[Leaf], bytes]] = {
    "nothing": lambda _leaf: b"",
    "no key": lambda leaf: (leaf.certificate + leaf.chain).encode(),
    "another key": lambda leaf: (leaf.certificate + leaf.chain + make_leaf().private_key).encode(),
    "a part of the chain": lambda leaf: (leaf.private_key + leaf.certificate + leaf.chain[:-40]).encode(),
    "nonsense": lambda _leaf: b"\x00nonsense",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_keeps_the_former_certificate_and_is_named_once(
    folder: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, leaves = folder / "app.pem", [make_leaf(NAME), make_leaf(NAME)]
    path.write_bytes(combined(leaves[0]))
    with serving(LatestContext(path).for_server()) as port, caplog.at_level(logging.WARNING):
        path.write_bytes(WRONG[wrong](leaves[1]))  # in place, as careless programs do
        assert [served(port) for _again in range(3)] == [leaves[0].certificate] * 3
        (record,) = caplog.records
        assert record.getMessage().startswith(f"{path}: ")
        assert record.getMessage().endswith("The former certificate stays in use.")
        path.write_bytes(combined(leaves[1]))
        assert served(port) == leaves[1].certificate
    assert len(caplog.records) == 1


def test_a_file_that_is_gone_keeps_the_former_certificate(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = put(folder)
    latest = LatestContext(folder / "app")
    with serving(latest.for_server()) as port:
        shutil.rmtree(folder / "app")
        assert served(port) == served(port) == first.certificate
        assert len(caplog.records) == 1
        second = put(folder)
        assert served(port) == second.certificate


class Eager(LatestContext):
    retry_after = 0.0


@pytest.mark.parametrize("kind", [LatestContext, Eager], ids=["not in each handshake", "after a while"])
def test_a_set_that_could_not_be_read_for_a_moment_is_tried_again(
    folder: Path, kind: type[LatestContext], caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[OSError] = []
    created: list[bool] = []

    def create() -> ssl.SSLContext:
        created.append(True)
        if troubles:
            raise troubles.pop()
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    first = put(folder)
    latest = kind(folder / "app", create=create)
    front, client = latest.for_server(), client_context()
    second = put(folder)
    troubles += [OSError(24, "Too many open files"), OSError(24, "Too many open files")]
    created.clear()
    seen = [handshake(front, client) for _again in range(4)]
    if kind is LatestContext:
        assert (seen, len(created)) == ([first.certificate] * 4, 1)
    else:
        assert (seen, len(created)) == ([first.certificate] * 2 + [second.certificate] * 2, 3)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [str(folder / "app")]


def test_what_changes_while_it_is_read_is_read_again(folder: Path) -> None:
    leaves = [make_leaf(NAME) for _each in range(3)]
    put(folder, leaves[0])
    to_come = leaves[1:]
    latest = LatestContext(folder / "app", create=watched(lambda *_: put(folder, to_come.pop(0)) if to_come else None))
    front, client = latest.for_server(), client_context()
    assert [handshake(front, client) for _again in range(3)] == [leaf.certificate for leaf in [*leaves[1:], leaves[2]]]


def test_both_files_are_of_one_generation(folder: Path) -> None:
    loaded: list[str] = []
    put(folder)
    LatestContext(folder / "app", create=watched(lambda *files: loaded.extend(files[:2])))
    assert loaded == [str(folder / "app/v1/fullchain.pem"), str(folder / "app/v1/privkey.pem")]


def test_a_service_may_start_while_its_first_set_is_written(folder: Path) -> None:
    leaf, path = make_leaf(NAME), folder / "app.pem"
    to_come = [WRONG["no key"](leaf), combined(leaf)]
    path.write_bytes(b"")

    def create() -> ssl.SSLContext:
        if to_come:
            path.write_bytes(to_come.pop(0))
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    assert handshake(LatestContext(path, create=create).for_server(), client_context()) == leaf.certificate


def test_the_context_of_a_server_keeps_no_certificate(folder: Path) -> None:
    put(folder)
    front = LatestContext(folder / "app").for_server()
    front.sni_callback = None  # type: ignore[assignment]
    with pytest.raises(ssl.SSLError, match=r"NO_SHARED_CIPHER|NO_SUITABLE_SIGNATURE_ALGORITHM"):
        handshake(front, client_context())


@contextmanager
def reading(folder: Path) -> Iterator[LatestContext]:
    """While another thread reads the second generation, and is not done."""
    here, begun, go_on = os.getpid(), threading.Event(), threading.Event()

    def create() -> ssl.SSLContext:
        if begun_once and os.getpid() == here:
            begun.set()
            assert go_on.wait(30)
        begun_once.append(True)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    begun_once: list[bool] = []
    put(folder)
    latest = LatestContext(folder / "app", create=create)
    put(folder)
    thread = threading.Thread(target=latest.get)
    thread.start()
    try:
        assert begun.wait(30)
        yield latest
    finally:
        go_on.set()
        thread.join()


def test_nobody_waits_for_a_thread_that_reads(folder: Path) -> None:
    with reading(folder) as latest:
        former = latest.get()
        assert latest.get() is former
    assert latest.get() is not former


def test_a_process_forked_while_a_thread_reads_is_no_worse_off(folder: Path) -> None:
    with reading(folder) as latest:
        former = latest.get()

        def check(_number: int) -> None:
            assert latest.get() is not former

        child = fork(check, 0)
        child.join(30)
    assert child.exitcode == 0


def test_a_file_whose_attributes_changed_is_read_again(folder: Path) -> None:
    """It may have been one that nobody was permitted to read."""
    path = folder / "app.pem"
    path.write_bytes(combined(make_leaf(NAME)))
    latest = LatestContext(path)
    former = latest.get()
    path.chmod(0o640)
    assert latest.get() is not former


def test_a_relative_path_stays_where_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder)
    monkeypatch.chdir(folder)
    latest = LatestContext(b"app")
    former = latest.get()
    monkeypatch.chdir("/")
    put(folder)
    assert latest.get() is not former


def test_a_leaf_may_have_any_name(folder: Path) -> None:
    put(folder)
    (folder / "app").rename(folder / "app.p12")
    assert LatestContext(folder / "app.p12").get()


def test_a_bundle_of_an_odd_kind_is_a_wrong_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise x509.InvalidVersion("5 is not a valid X509 version", 5)

    monkeypatch.setattr(pkcs12, "load_pkcs12", refuse)
    (folder / "app.p12").write_bytes(b"")
    with pytest.raises(ValueError, match="not a valid X509 version"):
        LatestContext(folder / "app.p12")


def test_without_a_whole_set_there_is_no_context(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/app'"):
        LatestContext(folder / "app")
    (folder / "app.pem").write_bytes(WRONG["another key"](make_leaf(NAME)))
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        LatestContext(folder / "app.pem")
    certificate = x509.load_pem_x509_certificate(make_leaf(NAME).certificate.encode())
    (folder / "app.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(None, None, None, [certificate], NoEncryption())
    )
    with pytest.raises(ValueError, match="no private key"):
        LatestContext(folder / "app.p12")


def test_an_unchanged_set_is_read_once(folder: Path) -> None:
    put(folder)
    created: list[ssl.SSLContext] = []

    def create() -> ssl.SSLContext:
        created.append(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        return created[-1]

    latest = LatestContext(folder / "app", create=create)
    assert {id(latest.get()) for _again in range(100)} == {id(created[0])}
    assert len(created) == 1


def test_two_hundred_renewals_under_eight_threads_refuse_no_handshake(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each gets a set that was deployed, and of the contexts only those in use are left."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    leaves = [make_leaf(NAME) for _each in range(201)]
    put(folder, leaves[0])
    made: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()

    def create() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.add(context)
        return context

    front = LatestContext(folder / "app", create=create).for_server()
    writer = fork(lambda _number: [put(folder, leaf) for leaf in leaves[1:]], 0)

    def shake_hands() -> set[str]:
        client, seen = client_context(), set()
        while writer.is_alive():
            seen.add(handshake(front, client))
        return seen

    with ThreadPoolExecutor(8) as threads:
        runs = [threads.submit(shake_hands) for _each in range(8)]
    seen = set.union(*(run.result() for run in runs))
    assert writer.exitcode == 0
    assert handshake(front, client_context()) == leaves[-1].certificate
    assert seen <= {leaf.certificate for leaf in leaves}
    assert len(seen) > 20
    gc.collect()
    assert len(made) == 2  # the newest, and the one that the server keeps


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """The certificate that a client gets, without a network."""
    pipes = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(*pipes, server_hostname=NAME)
    ours = server.wrap_bio(pipes[1], pipes[0], server_side=True)
    for side in (theirs, ours, theirs, ours):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ssl.DER_cert_to_PEM_cert(theirs.getpeercert(binary_form=True) or b"")


def test_a_writer_killed_at_any_system_call_leaves_a_whole_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    put(folder)
    latest = LatestContext(folder / "app")
    front, client, destination = latest.for_server(), client_context(), destination_at(folder)
    former = handshake(front, client)
    changed = set()
    for call_number in range(1, 1000):
        leaf = make_leaf(NAME)
        wanted = delivery(leaf, inspected(destination).generation)
        if not killed_at(call_number, lambda wanted=wanted: deploy(destination, [wanted], NO_SERVER)):
            break
        seen = handshake(front, client)
        assert seen in (former, leaf.certificate)
        changed.add(seen == leaf.certificate)
        deploy(destination, [repair(inspected(destination).generation)], NO_SERVER)
        former = handshake(front, client)
    assert call_number > 40
    assert changed == {False, True}


PROGRAM = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("latest_context", {latest_context.__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.LatestContext(sys.argv[1]).get() is not None)
print(sorted(name for name in sys.modules if name.startswith(("ansible", "cryptography"))))
"""


def test_it_is_one_file_for_any_python(folder: Path, python: str) -> None:
    put(folder)
    command = [python, "-I", "-c", PROGRAM, folder / "app"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert (finished.stdout, finished.stderr) == ("True\n[]\n", "")


def test_pkcs12_says_what_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)
    (folder / "app.p12").write_bytes(b"")
    with pytest.raises(ImportError, match="cryptography"):
        LatestContext(folder / "app.p12")
