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

/* What decides about a write: the lines "NAME VALUE" of the file "host", of which every one may be missing. */
typedef struct { int version[3]; bool sip, gui, root, allowed, locked, login; char person[16]; uint32_t user; } Host;

extern const char *const domain_names[3];

/* The state as it is on disk now. It stays valid until the next call. */
const State *read_state(void);
/* Put a state into the place of the one on disk, as a whole. */
void write_state(const State *);
Host read_host(void);
bool same_bytes(const Bytes *, const Bytes *);
/* Note the call, and do what the test has ordered for it: hang, or return a status other than 0. */
OSStatus call(const char *function, const char *about);
/* Whether the test has ordered an event that is no status, such as "erase", for this call. */
bool is_ordered(const char *event, const char *about);
/* Whether this is the process of a service that is to write what the caller would: where the test has ordered that, the
 * caller never returns, and the service does once the caller was stopped and somebody has looked at the settings since. */
bool is_left_to_a_service(const char *about);
/* End the process, or never return, where the test has ordered a "cut-off" or a "hang-up" for what has just been written. */
void perhaps_end(const char *about);

/* Add a line to the file "host". */
void set_host(const char *line);
/* The path of a file in the folder. */
void path_of(char *path, size_t size, const char *name);

/* What the files about Security share. */
const Bytes *der_of(CFTypeRef certificate, const char *function);
const char *policy_oid(CFTypeRef policy);
/* The name that a server has to have by the policy, "" for any. */
const char *policy_host(CFTypeRef policy);
CFTypeRef certificate_of(const Bytes *der);
const Entry *entry_of(const State *, uint32_t domain, const Bytes *der);
bool is_self_signed(const Bytes *der);
/* Whether a certificate names another one as its issuer. No signature is verified. */
bool is_issued_by(const Bytes *der, const Bytes *issuer);
bool is_expired(const Bytes *der);
bool is_for_servers(const Bytes *der);
bool has_dns_name(const Bytes *der, const char *name);
Bytes bytes_of(const char *hex);
/* Whether the domain may be written now, as a status; it may wait for a person. */
OSStatus authorize(uint32_t domain);
/* Have the person at the screen unlock the login keychain, if it is locked; as a status. */
OSStatus unlock_login_keychain(void);
/* The name of a keychain; and of the one in which a certificate was found, "" where it was in none. */
const char *keychain_name(CFTypeRef keychain);
const char *keychain_of(CFTypeRef certificate);
CFTypeRef found_in(const char *keychain, const Bytes *der);
CFTypeID SecPolicyGetTypeID(void);

#endif
