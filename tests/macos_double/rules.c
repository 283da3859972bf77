/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every part of the double does with a rule: keeps to it, and ends the process where a caller breaks it.
 */

#include "objects.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool keeps(const char *fact) {
    const char *without = getenv("ANCHORAGE_DOUBLE_WITHOUT");
    return !without || strcmp(without, fact) != 0;
}

void halt(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
    abort();
}
