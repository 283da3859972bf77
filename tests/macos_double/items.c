/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that finds and deletes certificates in keychains.
 */

#include "state.h"

#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, PARAM = -50, ITEM_NOT_FOUND = -25300 };

CFStringRef kSecClass, kSecClassCertificate, kSecMatchItemList, kSecMatchLimit, kSecMatchLimitAll, kSecMatchSearchList;
CFStringRef kSecReturnRef;

__attribute__((constructor)) static void make_constants(void) {
    kSecClass = double_constant("class");
    kSecClassCertificate = double_constant("cert");
    kSecMatchItemList = double_constant("m_ItemList");
    kSecMatchLimit = double_constant("m_Limit");
    kSecMatchLimitAll = double_constant("m_LimitAll");
    kSecMatchSearchList = double_constant("m_SearchList");
    kSecReturnRef = double_constant("r_Ref");
}

static bool is_for_certificates(CFDictionaryRef query) {
    CFTypeRef class = CFDictionaryGetValue(query, kSecClass);
    return (class && CFEqual(class, kSecClassCertificate)) || !keeps("query-has-class");
}

static const char *searched(CFDictionaryRef query) {
    CFTypeRef list = CFDictionaryGetValue(query, kSecMatchSearchList);
    return list && CFArrayGetCount(list) && keeps("query-by-keychain")
        ? keychain_name(CFArrayGetValueAtIndex(list, 0)) : NULL;
}

OSStatus SecItemCopyMatching(CFDictionaryRef query, CFTypeRef *found) {
    const char *keychain = searched(query);
    CFTypeRef limit = CFDictionaryGetValue(query, kSecMatchLimit);
    bool all = (limit && CFEqual(limit, kSecMatchLimitAll)) || !keeps("query-finds-one");
    if (!is_for_certificates(query))
        return PARAM;
    OSStatus status = call("SecItemCopyMatching", keychain ? keychain : "-");
    if (status)
        return status;
    const State *state = read_state();
    const void **listed = calloc(state->item_count + 1, sizeof *listed);
    CFIndex count = 0;
    for (CFIndex i = 0; i < state->item_count && (all || !count); i++)
        if (!keychain || !strcmp(keychain, state->items[i].keychain))
            listed[count++] = found_in(state->items[i].keychain, &state->items[i].der);
    if (!count && keeps("query-finds-nothing-code"))
        return ITEM_NOT_FOUND;
    *found = all ? CFArrayCreate(NULL, listed, count, &kCFTypeArrayCallBacks) : listed[0];
    for (CFIndex i = 0; i < count && all; i++)
        CFRelease(listed[i]);
    free(listed);
    return SUCCESS;
}

OSStatus SecItemDelete(CFDictionaryRef query) {
    CFTypeRef list = CFDictionaryGetValue(query, kSecMatchItemList);
    if (!is_for_certificates(query) || !list)
        return PARAM;
    OSStatus status = call("SecItemDelete", "-");
    for (CFIndex item = 0; item < CFArrayGetCount(list) && !status && keeps("locked-keychain-keeps-items"); item++)
        if (!strcmp(keychain_of(CFArrayGetValueAtIndex(list, item)), "login"))
            status = unlock_login_keychain();
    const State *state = read_state();
    State left = {calloc(state->item_count + 1, sizeof(Item)), 0, state->entries, state->entry_count};
    for (CFIndex i = 0; i < state->item_count; i++) {
        bool deleted = false;
        for (CFIndex item = 0; item < CFArrayGetCount(list); item++) {
            CFTypeRef certificate = CFArrayGetValueAtIndex(list, item);
            bool same = same_bytes(der_of(certificate, "SecItemDelete"), &state->items[i].der);
            const char *keychain = keychain_of(certificate);
            deleted |= same && (keeps("delete-found-alone") ? !strcmp(keychain, state->items[i].keychain) : true);
        }
        if (!deleted)
            left.items[left.item_count++] = state->items[i];
    }
    if (!status)
        write_state(&left);
    return status;
}
