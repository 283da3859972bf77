/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that evaluates trust, by the names in a chain; and of csr_check.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUCCESS = 0,
    PARAM = -50,
    INCOMPLETE_CHAIN = -25318,
    NAME_MISMATCH = -67602,
    OTHER_USE = -67609,
    EXPIRED = -67818,
    NOT_TRUSTED = -67843,
};
enum { USER, ADMIN, SYSTEM };
enum { TRUST_ROOT = 1, TRUST_AS_ROOT };
enum { LONGEST_CHAIN = 8 };

typedef struct { long header[3]; Bytes ders[LONGEST_CHAIN]; CFIndex count; char oid[64], host[256]; bool fetches; } Trust;

static CFTypeID trust_type;

__attribute__((constructor)) static void register_type(void) { trust_type = double_new_type("SecTrust"); }

OSStatus SecTrustCreateWithCertificates(CFTypeRef certificates, CFTypeRef policy, CFTypeRef *found) {
    if (!certificates || !found)
        return keeps("trust-param-checked") ? PARAM : SUCCESS;
    Trust *trust = double_new_object(trust_type, sizeof(Trust));
    bool several = CFGetTypeID(certificates) == CFArrayGetTypeID();
    trust->count = several && keeps("evaluation-of-chain") ? CFArrayGetCount(certificates) : 1;
    for (CFIndex i = 0; i < trust->count && i < LONGEST_CHAIN; i++)
        trust->ders[i] = *der_of(several ? CFArrayGetValueAtIndex(certificates, i) : certificates,
                                 "SecTrustCreateWithCertificates");
    snprintf(trust->oid, sizeof trust->oid, "%s", policy_oid(policy));
    snprintf(trust->host, sizeof trust->host, "%s", policy_host(policy));
    trust->fetches = true;
    *found = trust;
    return SUCCESS;
}

OSStatus SecTrustSetNetworkFetchAllowed(CFTypeRef trust, Boolean allowed) {
    double_require(trust, trust_type, "SecTrustSetNetworkFetchAllowed");
    ((Trust *)trust)->fetches = allowed;
    return SUCCESS;
}

/* What the first dictionary for the policy says: a result, or 0 where none is for it. */
static int result_for(const char *settings, const char *oid) {
    int result = 0;
    char *text = strdup(settings), *rest = text, wanted[80];
    snprintf(wanted, sizeof wanted, "policy=%s;", oid);
    bool found = !*text;
    if (found)
        result = TRUST_ROOT;
    for (char *word; !found && (word = strsep(&rest, " "));) {
        char copy[512], *value = strstr(word, "result=");
        snprintf(copy, sizeof copy, "%s;", word);
        found = !strstr(copy, "policy=") || strstr(copy, wanted) || !keeps("evaluation-by-policy");
        if (found)
            result = value ? atoi(value + 7) : TRUST_ROOT;
    }
    free(text);
    return result;
}

/* The issuer of a certificate, among those that were given and those in keychains; NULL where it is in neither. */
static const Bytes *issuer_of(const Trust *trust, const Bytes *der) {
    const State *state = read_state();
    for (CFIndex i = 1; i < trust->count; i++)
        if (is_issued_by(der, &trust->ders[i]))
            return &trust->ders[i];
    for (CFIndex i = 0; i < state->item_count && keeps("chain-from-keychains"); i++)
        if (is_issued_by(der, &state->items[i].der))
            return &state->items[i].der;
    return NULL;
}

/* The first trust settings on the way from the leaf to the root decide. */
static OSStatus verdict_on_chain(const Trust *trust) {
    bool user_first = read_host().version[0] == 10 || !keeps("evaluation-order");
    uint32_t order[3] = {user_first ? USER : ADMIN, user_first ? ADMIN : USER, SYSTEM};
    const Bytes *der = &trust->ders[0];
    for (int length = 0; der && length < LONGEST_CHAIN; length++) {
        bool self_signed = is_self_signed(der);
        for (int i = 0; i < 3; i++) {
            const Entry *entry = entry_of(read_state(), order[i], der);
            if (entry)
                return result_for(entry->settings, trust->oid) == (self_signed ? TRUST_ROOT : TRUST_AS_ROOT) ? SUCCESS
                                                                                                             : NOT_TRUSTED;
        }
        if (self_signed)
            return keeps("evaluation-by-settings") ? NOT_TRUSTED : SUCCESS;
        der = issuer_of(trust, der);
    }
    return keeps("chain-incomplete-code") ? INCOMPLETE_CHAIN : NOT_TRUSTED;
}

static OSStatus verdict(const Trust *trust) {
    const Bytes *leaf = &trust->ders[0];
    OSStatus status = verdict_on_chain(trust);
    if (status)
        return status;
    if (!is_self_signed(leaf) && is_expired(leaf) && keeps("evaluation-at-its-time"))
        return EXPIRED;
    if (*trust->host && !is_for_servers(leaf) && keeps("ssl-is-for-servers"))
        return OTHER_USE;
    return *trust->host && !has_dns_name(leaf, trust->host) && keeps("ssl-has-the-name") ? NAME_MISMATCH : SUCCESS;
}

static CFErrorRef error_of(OSStatus status) {
    char text[64];
    snprintf(text, sizeof text, "OSStatus %d", status);
    const void *key = kCFErrorLocalizedDescriptionKey, *value = CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
    CFDictionaryRef about = CFDictionaryCreate(NULL, &key, &value, 1, &kCFTypeDictionaryKeyCallBacks,
                                               &kCFTypeDictionaryValueCallBacks);
    CFErrorRef error = CFErrorCreate(NULL, kCFErrorDomainOSStatus, status, about);
    CFRelease(value);
    CFRelease(about);
    return error;
}

bool SecTrustEvaluateWithError(CFTypeRef reference, CFErrorRef *error) {
    double_require(reference, trust_type, "SecTrustEvaluateWithError");
    const Trust *trust = reference;
    bool network = trust->fetches && keeps("evaluation-fetches");
    OSStatus status = call("SecTrustEvaluateWithError", network ? "network" : *trust->host ? "server" : "-");
    if (!status)
        status = verdict(trust);
    if (status && error && keeps("evaluation-says-why")) {
        *error = error_of(status);
        if (!keeps("evaluation-error-owned"))
            CFRelease(*error);
    }
    return !status;
}

int csr_check(uint32_t mask) {
    bool protected_files = read_host().sip && keeps("csr-says-sip");
    return mask == 1 << 1 && protected_files ? 1 : 0;
}
