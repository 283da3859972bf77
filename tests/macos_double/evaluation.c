/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that evaluates trust, for a certificate by itself; and of csr_check.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, PARAM = -50 };
enum { USER, ADMIN, SYSTEM };
enum { TRUST_ROOT = 1, TRUST_AS_ROOT };

typedef struct { long header[3]; Bytes der; char oid[64]; bool fetches; } Trust;

static CFTypeID trust_type;

__attribute__((constructor)) static void register_type(void) { trust_type = double_new_type("SecTrust"); }

OSStatus SecTrustCreateWithCertificates(CFTypeRef certificate, CFTypeRef policy, CFTypeRef *found) {
    if (!certificate || !found)
        return keeps("trust-param-checked") ? PARAM : SUCCESS;
    Trust *trust = double_new_object(trust_type, sizeof(Trust));
    trust->der = *der_of(certificate, "SecTrustCreateWithCertificates");
    snprintf(trust->oid, sizeof trust->oid, "%s", policy_oid(policy));
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

bool SecTrustEvaluateWithError(CFTypeRef reference, CFTypeRef *error) {
    (void)error;
    double_require(reference, trust_type, "SecTrustEvaluateWithError");
    const Trust *trust = reference;
    bool user_first = read_host().version[0] == 10 || !keeps("evaluation-order");
    uint32_t order[3] = {user_first ? USER : ADMIN, user_first ? ADMIN : USER, SYSTEM};
    if (call("SecTrustEvaluateWithError", trust->fetches && keeps("evaluation-fetches") ? "network" : "-"))
        return false;
    for (int i = 0; i < 3; i++) {
        const Entry *entry = entry_of(read_state(), order[i], &trust->der);
        if (entry)
            return result_for(entry->settings, trust->oid)
                == (is_self_signed(&trust->der) ? TRUST_ROOT : TRUST_AS_ROOT);
    }
    return !keeps("evaluation-by-settings");
}

int csr_check(uint32_t mask) {
    bool protected_files = read_host().sip && keeps("csr-says-sip");
    return mask == 1 << 1 && protected_files ? 1 : 0;
}
