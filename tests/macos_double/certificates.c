/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the double reads in certificates (RFC 5280). It verifies no signature, and knows no name constraints.
 */

#include "state.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ISSUER = 2, VALIDITY, SUBJECT, KEY, FIELDS }; /* after serial number and algorithm */
enum { UTC_TIME = 0x17, DNS_NAME = 0x82 };

static CFIndex element_end(const Bytes *der, CFIndex position, CFIndex *content) {
    CFIndex length = der->bytes[position + 1], digits = length & 0x80 ? length & 0x7f : 0;
    *content = position + 2 + digits;
    if (digits)
        for (CFIndex i = length = 0; i < digits; i++)
            length = length << 8 | der->bytes[position + 2 + i];
    return *content + length;
}

/* Where the fields of a certificate begin. */
static void find_fields(const Bytes *der, CFIndex starts[FIELDS]) {
    CFIndex content, position;
    element_end(der, 0, &position);
    element_end(der, position, &position);
    if (der->bytes[position] == 0xa0)
        position = element_end(der, position, &content);
    for (int i = 0; i < FIELDS; i++) {
        starts[i] = position;
        position = element_end(der, position, &content);
    }
}

bool is_issued_by(const Bytes *der, const Bytes *issuer) {
    CFIndex own[FIELDS], others[FIELDS];
    find_fields(der, own);
    find_fields(issuer, others);
    CFIndex length = own[VALIDITY] - own[ISSUER];
    return length == others[KEY] - others[SUBJECT]
        && !memcmp(der->bytes + own[ISSUER], issuer->bytes + others[SUBJECT], length);
}

bool is_self_signed(const Bytes *der) { return is_issued_by(der, der); }

bool is_expired(const Bytes *der) {
    CFIndex starts[FIELDS], content;
    char end[32] = "", now[32];
    time_t seconds = time(NULL);
    find_fields(der, starts);
    element_end(der, starts[VALIDITY], &content);
    CFIndex last = element_end(der, content, &content), text;
    int length = (int)(element_end(der, last, &text) - text);
    /* UTCTime has two digits of the year; those of certificates that are in use are of this century. */
    snprintf(end, sizeof end, "%s%.*s", der->bytes[last] == UTC_TIME ? "20" : "", length, der->bytes + text);
    strftime(now, sizeof now, "%Y%m%d%H%M%SZ", gmtime(&seconds));
    return strcmp(end, now) < 0;
}

bool is_for_servers(const Bytes *der) {
    static const UInt8 server_authentication[] = {6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1};
    return memmem(der->bytes, der->length, server_authentication, sizeof server_authentication);
}

bool has_dns_name(const Bytes *der, const char *name) {
    char wanted[260];
    int length = snprintf(wanted, sizeof wanted, "%c%c%s", DNS_NAME, (int)strlen(name), name);
    return memmem(der->bytes, der->length, wanted, length);
}
