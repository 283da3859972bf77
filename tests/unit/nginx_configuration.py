# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an nginx of a test's own has in its configuration, whatever it serves."""

from __future__ import annotations

import os

_AROUND = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {content}
}
"""


def nginx_configuration(content: str) -> str:
    """A configuration that runs in the foreground and has ``content`` in its block ``http``. ``{folder}``, here and
    there, stands for where the server keeps its files."""
    user = "user root;" if os.geteuid() == 0 else ""
    return _AROUND.replace("{user}", user).replace("{content}", content)
