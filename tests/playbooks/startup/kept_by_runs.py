# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each run would make anew from the same files, it finds here after the first run of a session.

That is the compiled sources of the collection and of modules, which Ansible sends as archives of a hundred files; those
archives; compiled templates; the tables of ansible-core's own plugins and settings. And where a test asks for it, the
openings of one file are counted over all processes.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import marshal
import os
import sys
import tempfile
import zipimport
from collections.abc import Callable
from contextlib import suppress
from types import CodeType
from typing import IO, Any

KEPT = "KEPT_BY_RUNS"
WATCHED, WATCHED_LOG = "WATCHED", "WATCHED_LOG"


def keep(kind: str, source: bytes | str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes of the source, from the folder of what was made before."""
    text = source if isinstance(source, bytes) else source.encode()
    kept = os.path.join(os.environ[KEPT], hashlib.sha256(f"{sys.version}{kind}".encode() + text).hexdigest())
    with suppress(FileNotFoundError), open(kept, "rb") as file:
        return marshal.load(file)  # noqa: S302 written below
    value = make()
    written = f"{kept}.{os.getpid()}"
    with open(written, "wb") as file:
        marshal.dump(value, file)
    os.rename(written, kept)
    return value


def keep_modules() -> None:
    """Keep what zipimport makes of a source file. The archive is in another folder each time."""
    compile_source = zipimport._compile_source  # type: ignore[attr-defined]  # there is no public way

    def compile_kept(path: str, source: bytes) -> CodeType:
        return keep(os.path.basename(path), source, lambda: compile_source(path, source))  # type: ignore[no-any-return]

    zipimport._compile_source = compile_kept  # type: ignore[attr-defined]
    # It is asked for twice at each import: where the module is, and what is in it.
    zipimport._get_module_code = functools.cache(zipimport._get_module_code)  # type: ignore[attr-defined]


def keep_collections() -> None:
    """Keep what Ansible's loader of collections makes of a plugin's source, and of the table of all plugins."""
    from ansible.utils.collection_loader import _collection_finder as finder

    read_table = finder._meta_yml_to_dict

    def compile_kept(source: bytes | str, filename: str, **options: Any) -> CodeType:
        return keep(filename, source, lambda: compile(source, filename, **options))

    def read_kept(text: bytes | str, content: object) -> dict[str, Any]:
        return keep("table", text, lambda: read_table(text, content))

    finder.compile = compile_kept  # there in place of the built-in function
    finder._meta_yml_to_dict = read_kept


def load_for_workers() -> None:
    """Load the filters and tests of ansible-core as soon as there is what loads plugins, and not in each worker."""
    from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder as Finder

    install = Finder._install

    def install_and_load(finder: Finder) -> None:
        install(finder)
        loader = sys.modules["ansible.plugins.loader"]
        for plugins in (loader.filter_loader, loader.test_loader):
            plugins._ensure_non_collection_wrappers()

    Finder._install = install_and_load


def keep_settings() -> None:
    """Keep the table of all settings that ansible-core knows, which is the only YAML that its configuration reads."""
    from ansible.config import manager

    load = manager.yaml_load

    def load_kept(file: IO[bytes]) -> dict[str, Any]:
        text = file.read()
        return keep("settings", text, lambda: load(text))  # type: ignore[no-any-return]

    manager.yaml_load = load_kept


def keep_templates() -> None:
    """Keep what Jinja makes of a template that was parsed."""
    from jinja2 import nodes
    from jinja2.environment import Environment
    from jinja2.utils import _PassArg

    generate, compile_generated = Environment._generate, Environment._compile

    def described(value: object) -> object:
        if isinstance(value, nodes.Node):
            return type(value).__name__, value.lineno, [described(field) for _name, field in value.iter_fields()]
        return [described(part) for part in value] if isinstance(value, (list, tuple)) else value

    def calls(environment: Environment, template: nodes.Template) -> list[tuple[str, str, bool, str]]:
        """The filters and tests that are called, which are loaded by that, and what each wants to be passed."""
        found = []
        for node in template.find_all((nodes.Filter, nodes.Test)):
            kind = environment.filters if isinstance(node, nodes.Filter) else environment.tests
            function = kind.get(node.name)
            found.append((type(node).__name__, node.name, function is None, str(_PassArg.from_obj(function))))
        return found

    def generate_kept(environment: Environment, template: nodes.Template, *names: Any, **options: Any) -> str:
        configured = getattr(sys.modules[environment.code_generator_class.__module__], "_TemplateConfig", None)
        settings = sorted(environment.extensions), configured and configured.allow_embedded_templates
        source = repr((type(environment), described(template), calls(environment, template), settings, names, options))
        return keep("template", source, lambda: generate(environment, template, *names, **options))  # type: ignore[no-any-return]

    def compile_kept(environment: Environment, source: str, filename: str) -> CodeType:
        return keep(filename, source, lambda: compile_generated(environment, source, filename))  # type: ignore[no-any-return]

    Environment._generate = generate_kept  # type: ignore[method-assign]
    Environment._compile = compile_kept  # type: ignore[method-assign]


def keep_archives() -> None:
    """Lead Ansible's cache of archives, which lasts for a run, to the folder of what is kept."""
    make_folder = tempfile.mkdtemp

    def make_local_folder(*arguments: Any, **options: Any) -> str:
        folder = make_folder(*arguments, **options)
        if str(options.get("prefix")).startswith("ansible-local-"):
            os.symlink(os.environ[KEPT], os.path.join(folder, "ansiballz_cache"))
        return folder

    tempfile.mkdtemp = make_local_folder  # type: ignore[assignment]


def count_openings(watched: str, log: str) -> None:
    """Add a byte to the log for each opening of the watched file, from now on."""

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[0] == watched:
            descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, b".")
            os.close(descriptor)

    sys.addaudithook(count)


if KEPT in os.environ:
    gc.disable()  # a run ends before that pays
    keep_modules()
    if [os.path.basename(argument) for argument in sys.orig_argv[1:2]] == ["ansible-playbook"]:
        keep_collections()
        load_for_workers()
        keep_settings()
        keep_templates()
        keep_archives()
if WATCHED in os.environ:
    count_openings(os.environ[WATCHED], os.environ[WATCHED_LOG])
