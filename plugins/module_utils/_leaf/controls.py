# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each server's configuration is tested, and which systemd unit it is."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple


class Control(NamedTuple):
    """The command that tests the configuration, and the systemd unit, as one family of systems has them."""

    test: tuple[str, ...]
    unit: str


_HAPROXY_TEST = ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")

#: Those of each choice of the option ``server``, of which a host has one.
CONTROLS: Mapping[str, tuple[Control, ...]] = {
    "none": (),
    "nginx": (Control(("nginx", "-t"), "nginx"),),
    "haproxy": (
        Control((*_HAPROXY_TEST, "-f", "/etc/haproxy/conf.d"), "haproxy"),
        Control(_HAPROXY_TEST, "haproxy"),
    ),
    "apache": (
        Control(("apache2ctl", "-t"), "apache2"),  # Debian
        Control(("apachectl", "-t"), "httpd"),  # Red Hat, Arch
        Control(("apachectl", "-t"), "apache2"),
    ),
    # No "caddy validate": run by root, that makes log files which Caddy cannot write.
    "caddy": (Control(("caddy", "adapt", "--config", "/etc/caddy/Caddyfile"), "caddy"),),
}
