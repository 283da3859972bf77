# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a host as a fresh, isolated Python makes them: of sources that it is given, and of the standard library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = "ansible_collections.anchorage.pki.plugins.module_utils"
MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"

# Compiles a module when it is first imported, and has the sources as files at paths that do not exist.
BOOTSTRAP = """
import json, sys
from importlib.machinery import ModuleSpec
SOURCES = GIVEN["sources"]
ROOT = "/sources/"

class Sources:
    def find_spec(self, name, path=None, target=None):
        file = ROOT + name.replace(".", "/") + ".py"
        if file in SOURCES:
            spec = ModuleSpec(name, self, origin=file)
            spec.has_location = True
            return spec
        if any(each.startswith(file[:-3] + "/") for each in SOURCES):
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        file = module.__spec__.origin
        if file:
            exec(compile(SOURCES[file], file, "exec", dont_inherit=True), module.__dict__)

    def get_data(self, path):
        try:
            return SOURCES[path].encode()
        except KeyError:
            raise OSError(path) from None

sys.meta_path.append(Sources())
"""
CALL = """
import importlib
module = importlib.import_module(GIVEN["module"])
keywords = {}
if GIVEN["layout"] is not None:
    from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
    keywords["layout"] = Layout(**GIVEN["layout"])
answer = module.look(GIVEN["arguments"], **keywords)
print(json.dumps({"answer": answer, "modules": sorted(sys.modules)}))
"""


def sources() -> dict[str, str]:
    """All that runs on hosts, by the path at which a look has it."""
    return {
        f"/sources/{PACKAGE.replace('.', '/')}/{path.relative_to(MODULE_UTILS)}": path.read_text(encoding="utf-8")
        for path in MODULE_UTILS.rglob("*.py")
    }


def program(module: str, arguments: Mapping[str, Any], layout: Mapping[str, Any] | None = None) -> str:
    """The text of a look by the function ``look`` of a module below ``module_utils``."""
    given = {"sources": sources(), "module": f"{PACKAGE}.{module}", "arguments": arguments, "layout": layout}
    return f"import json\nGIVEN = json.loads({json.dumps(given)!r})\n{BOOTSTRAP}{CALL}"


def run_look(
    module: str,
    arguments: Mapping[str, Any],
    layout: Mapping[str, Any] | None = None,
    python: str = sys.executable,
) -> tuple[dict[str, Any], list[str]]:
    """What the look answers, and the names of all that was imported for it. ``layout`` is for scratch hosts."""
    text = program(module, arguments, layout)
    finished = subprocess.run([python, "-I", "-"], input=text, capture_output=True, text=True, check=False, cwd="/")
    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout)
    return result["answer"], result["modules"]
