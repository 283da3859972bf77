/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that exports and imports the trust settings of a domain as a property list.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, PARAM = -50, INVALID_TRUST_SETTINGS = -25262, NO_TRUST_SETTINGS = -25263, FIXED = -25317 };
enum { USER, ADMIN, SYSTEM };

static uint32_t rotated(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void add_block(uint32_t hash[5], const UInt8 *block) {
    uint32_t words[80], a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20 ? ((b & c) | (~b & d)) + 0x5a827999 : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
            : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotated(a, 5) + mixed + e + words[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d, hash[4] += e;
}

/* SHA-1 (RFC 3174) in upper-case hexadecimal. */
static void name_of(const Bytes *der, char name[41]) {
    uint32_t hash[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    CFIndex padded = (der->length + 8) / 64 * 64 + 64;
    UInt8 *bytes = calloc(1, padded);
    memcpy(bytes, der->bytes, der->length);
    bytes[der->length] = 0x80;
    for (int i = 0; i < 8; i++)
        bytes[padded - 1 - i] = (uint64_t)der->length * 8 >> 8 * i;
    for (CFIndex i = 0; i < padded; i += 64)
        add_block(hash, bytes + i);
    for (int i = 0; i < 5; i++)
        sprintf(name + 8 * i, "%08X", hash[i]);
    free(bytes);
}

/* Beside what Apple's list has, each entry has its line of the state, from which an import makes it again. */
OSStatus SecTrustSettingsCreateExternalRepresentation(uint32_t domain, CFDataRef *found) {
    if (domain > SYSTEM || !found)
        return keeps("export-param-checked") ? PARAM : SUCCESS;
    OSStatus status = call("SecTrustSettingsCreateExternalRepresentation", domain_names[domain]);
    const State *state = read_state();
    char *text = NULL;
    size_t size = 0;
    CFIndex count = 0;
    FILE *file = open_memstream(&text, &size);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict><key>trustList</key><dict>\n", file);
    for (CFIndex i = 0; i < state->entry_count && !status; i++) {
        const Entry *entry = &state->entries[i];
        char name[41];
        if (entry->domain != domain)
            continue;
        count++;
        name_of(&entry->der, name);
        fprintf(file, "<key>%s</key><dict><key>double</key><string>", keeps("export-by-sha1") ? name : "entry");
        for (CFIndex byte = 0; byte < entry->der.length; byte++)
            fprintf(file, "%02x", entry->der.bytes[byte]);
        fprintf(file, " %s</string></dict>\n", entry->settings);
    }
    fputs("</dict><key>trustVersion</key><integer>1</integer></dict></plist>\n", file);
    fclose(file);
    if (!status && !count && keeps("export-of-nothing-code"))
        status = NO_TRUST_SETTINGS;
    if (!status)
        *found = CFDataCreate(NULL, (const UInt8 *)text, size);
    free(text);
    return status;
}

OSStatus SecTrustSettingsImportExternalRepresentation(uint32_t domain, CFDataRef data) {
    if (domain >= SYSTEM)
        return keeps("import-fixed") ? FIXED : SUCCESS;
    OSStatus status = call("SecTrustSettingsImportExternalRepresentation", domain_names[domain]);
    if (status || (status = authorize(domain)))
        return status;
    char *text = strndup((const char *)CFDataGetBytePtr(data), CFDataGetLength(data)), *rest = text;
    if (!strstr(text, "<key>trustList</key>") && keeps("import-checked"))
        return INVALID_TRUST_SETTINGS;
    const State *state = read_state();
    CFIndex most = state->entry_count + strlen(text) / 8;
    State left = {state->items, state->item_count, calloc(most + 1, sizeof(Entry)), 0};
    for (CFIndex i = 0; i < state->entry_count; i++)
        if (state->entries[i].domain != domain || !keeps("import-replaces"))
            left.entries[left.entry_count++] = state->entries[i];
    while ((rest = strstr(rest, "<string>"))) {
        char *end = strstr(rest += 8, "</string>"), *hex = strndup(rest, end - rest), *words = strchr(hex, ' ');
        *words = 0;
        left.entries[left.entry_count++] = (Entry){domain, bytes_of(hex), words + 1};
    }
    write_state(&left);
    free(text);
    return SUCCESS;
}
