/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Mac that the double of Security sees: a folder, named by ANCHORAGE_DOUBLE, which all its processes share.
 */

#ifndef STATE_H
#define STATE_H

#include "objects.h"

typedef struct { UInt8 *bytes; CFIndex length; } Bytes;
/* A certificate in a keychain, whose name is "system", "login" or "roots". */
typedef struct { char keychain[8]; Bytes der; } Item;
/* The trust settings of a certificate in a domain, as the words of its line: one for each dictionary. */
typedef struct { uint32_t domain; Bytes der; char *settings; } Entry;
typedef struct { Item *items; CFIndex item_count; Entry *entries; CFIndex entry_count; } State;

extern const char *const domain_names[3];

/* The state as it is on disk now. It stays valid until the next call. */
const State *read_state(void);
bool same_bytes(const Bytes *, const Bytes *);
/* Note the call, and do what the test has ordered for it: hang, or return a status other than 0. */
OSStatus call(const char *function, const char *about);

#endif
