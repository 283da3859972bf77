/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that changes keychains and trust settings, and of who is allowed to.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0,
    PARAM = -50,
    WRITE_PERMISSION = -61,
    USER_CANCELED = -128,
    INTERNAL_COMPONENT = -2070,
    NO_TRUST_SETTINGS = -25263,
    NOT_AVAILABLE = -25291,
    AUTHENTICATION_FAILED = -25293,
    NO_SUCH_KEYCHAIN = -25294,
    DUPLICATE_ITEM = -25299,
    ITEM_NOT_FOUND = -25300,
    INTERACTION_NOT_ALLOWED = -25308,
    DATA_NOT_MODIFIABLE = -25317,
    AUTHORIZATION_DENIED = -60005,
    AUTHORIZATION_CANCELED = -60006,
    AUTHORIZATION_INTERACTION = -60007,
};
enum { USER, ADMIN, SYSTEM };
enum { TRUST_ROOT = 1, TRUST_AS_ROOT };

typedef struct { long header[3]; char name[8]; } Keychain;

static CFTypeID keychain_type;

__attribute__((constructor)) static void register_type(void) { keychain_type = double_new_type("SecKeychain"); }

/* Who may write */

static OSStatus ask_person(const Host *host) {
    if (!strcmp(host->person, "cancel"))
        return keeps("prompt-canceled-code") ? AUTHORIZATION_CANCELED : SUCCESS;
    if (!strcmp(host->person, "wrong"))
        return keeps("prompt-wrong-password-code") ? AUTHORIZATION_DENIED : SUCCESS;
    while (!strcmp(host->person, "nobody") && keeps("prompt-waits"))
        pause();
    return SUCCESS;
}

OSStatus unlock_login_keychain(void) {
    Host host = read_host();
    if (!host.locked)
        return SUCCESS;
    if (!host.gui)
        return keeps("locked-keychain-code") ? INTERACTION_NOT_ALLOWED : SUCCESS;
    OSStatus status = call("unlock", "login");
    if (status)
        return status;
    if (!strcmp(host.person, "cancel"))
        return keeps("keychain-canceled-code") ? USER_CANCELED : SUCCESS;
    if (!strcmp(host.person, "wrong"))
        return keeps("keychain-wrong-password-code") ? AUTHENTICATION_FAILED : SUCCESS;
    while (!strcmp(host.person, "nobody") && keeps("locked-keychain-waits"))
        pause();
    set_host("locked off");
    return SUCCESS;
}

/* Whether macOS heeds "authorizationdb write com.apple.trust-settings.admin allow". */
static bool heeds_allowance(const int version[3]) {
    bool patched = version[0] >= 15 || ((version[0] == 13 || version[0] == 14) && version[1] * 10 + version[2] >= 75);
    return !patched || !keeps("allowance-ends");
}

OSStatus authorize(uint32_t domain) {
    Host host = read_host();
    OSStatus status = call("authorize", domain_names[domain]);
    if (status)
        return status;
    bool old = host.version[0] == 10;
    if (domain == ADMIN && old && host.root && keeps("admin-by-root-old"))
        return SUCCESS;
    if (host.gui)
        return ask_person(&host);
    if (domain == USER)
        return keeps("user-needs-gui") ? AUTHORIZATION_INTERACTION : SUCCESS;
    if (host.root && host.allowed && heeds_allowance(host.version) && keeps("allowance-works"))
        return SUCCESS;
    if (host.version[0] == 11)
        return keeps("admin-code-11") ? INTERNAL_COMPONENT : AUTHORIZATION_INTERACTION;
    if (host.root && !host.sip && keeps("admin-without-sip"))
        return SUCCESS;
    return keeps("admin-code-12") ? AUTHORIZATION_INTERACTION : INTERNAL_COMPONENT;
}

/* What may be written */

static CFTypeRef value_of(CFDictionaryRef settings, const char *name) {
    char text[64];
    snprintf(text, sizeof text, "kSecTrustSettings%s", name);
    CFStringRef key = CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
    CFTypeRef value = CFDictionaryGetValue(settings, key);
    CFRelease(key);
    return value;
}

static void add_text(char *word, CFDictionaryRef settings, const char *name, const char *short_name) {
    CFTypeRef value = value_of(settings, name);
    char text[128];
    if (value && CFStringGetCString(value, text, sizeof text, kCFStringEncodingUTF8))
        sprintf(word + strlen(word), "%s=%s;", short_name, text);
}

static int64_t add_number(char *word, CFDictionaryRef settings, const char *name, const char *short_name) {
    CFTypeRef value = value_of(settings, name);
    int64_t number = 0;
    if (value && CFNumberGetValue(value, kCFNumberSInt64Type, &number))
        sprintf(word + strlen(word), "%s=%lld;", short_name, (long long)number);
    return value ? number : TRUST_ROOT;
}

/* A dictionary as its word in the state; false where its result does not suit the certificate. */
static bool add_word(char *words, CFDictionaryRef settings, bool self_signed) {
    char word[512] = "";
    CFTypeRef policy = value_of(settings, "Policy");
    if (policy)
        sprintf(word, "policy=%s;", policy_oid(policy));
    add_text(word, settings, "PolicyName", "name");
    add_text(word, settings, "PolicyString", "string");
    add_number(word, settings, "KeyUsage", "usage");
    add_number(word, settings, "AllowedError", "error");
    int64_t result = add_number(word, settings, "Result", "result");
    if (*word)
        word[strlen(word) - 1] = 0;
    sprintf(words + strlen(words), "%s%s", *words ? " " : "", *word ? word : "any");
    return !((result == TRUST_ROOT && !self_signed && keeps("root-is-self-signed"))
             || (result == TRUST_AS_ROOT && self_signed && keeps("as-root-is-not")));
}

static bool describe(char *words, CFTypeRef settings, bool self_signed) {
    if (!settings)
        return self_signed || !keeps("any-use-is-self-signed");
    if (CFGetTypeID(settings) == CFDictionaryGetTypeID())
        return add_word(words, settings, self_signed);
    for (CFIndex i = 0; i < CFArrayGetCount(settings); i++)
        if (!add_word(words, CFArrayGetValueAtIndex(settings, i), self_signed))
            return false;
    return true;
}

/* What is written */

static CFIndex index_of(const State *state, uint32_t domain, const Bytes *der) {
    for (CFIndex i = 0; i < state->entry_count; i++)
        if (state->entries[i].domain == domain && same_bytes(&state->entries[i].der, der))
            return i;
    return -1;
}

static CFIndex entries_in(const State *state, uint32_t domain) {
    CFIndex count = 0;
    for (CFIndex i = 0; i < state->entry_count; i++)
        count += state->entries[i].domain == domain;
    return count;
}

/* A copy that can be changed, with room for one more of each. A record that could not be read is begun anew. */
static State changeable(const State *state, uint32_t domain) {
    State copy = {malloc((state->item_count + 1) * sizeof(Item)), 0, malloc((state->entry_count + 1) * sizeof(Entry)), 0};
    bool erased = is_ordered("erase", domain_names[domain]) && keeps("unreadable-is-begun-anew");
    for (CFIndex i = 0; i < state->item_count; i++)
        copy.items[copy.item_count++] = state->items[i];
    for (CFIndex i = 0; i < state->entry_count; i++)
        if (!erased || state->entries[i].domain != domain)
            copy.entries[copy.entry_count++] = state->entries[i];
    return copy;
}

/* Write what concerns a domain; or, where the test has ordered that, leave it to a service, and never return. */
static void write_state_of(const State *state, uint32_t domain) {
    bool is_service = is_left_to_a_service(domain_names[domain]);
    write_state(state);
    if (is_service)
        _exit(0);
}

static OSStatus permitted(CFTypeRef certificate, uint32_t domain) {
    if (!certificate || domain > SYSTEM)
        return keeps("write-param-checked") ? PARAM : SUCCESS;
    return domain == SYSTEM && keeps("system-is-fixed") ? DATA_NOT_MODIFIABLE : SUCCESS;
}

OSStatus SecTrustSettingsSetTrustSettings(CFTypeRef certificate, uint32_t domain, CFTypeRef settings) {
    OSStatus status = permitted(certificate, domain);
    if (status || !certificate || domain > SYSTEM)
        return status;
    const Bytes *der = der_of(certificate, "SecTrustSettingsSetTrustSettings");
    char words[4096] = "";
    if (!describe(words, settings, is_self_signed(der)))
        return PARAM;
    status = call("SecTrustSettingsSetTrustSettings", domain_names[domain]);
    if (status || (status = authorize(domain)))
        return status;
    State state = changeable(read_state(), domain);
    CFIndex index = index_of(&state, domain, der);
    if (index < 0 || !keeps("set-replaces"))
        index = state.entry_count++;
    state.entries[index] = (Entry){domain, *der, strdup(words)};
    write_state_of(&state, domain);
    perhaps_end(domain_names[domain]);
    return is_ordered("lost-reply", domain_names[domain]) ? NOT_AVAILABLE : SUCCESS;
}

OSStatus SecTrustSettingsRemoveTrustSettings(CFTypeRef certificate, uint32_t domain) {
    OSStatus status = permitted(certificate, domain);
    if (status || !certificate || domain > SYSTEM)
        return status;
    const Bytes *der = der_of(certificate, "SecTrustSettingsRemoveTrustSettings");
    status = call("SecTrustSettingsRemoveTrustSettings", domain_names[domain]);
    if (status)
        return status;
    const State *found = read_state();
    CFIndex index = index_of(found, domain, der);
    if (!entries_in(found, domain) && keeps("remove-from-nothing-code"))
        return NO_TRUST_SETTINGS;
    if (index < 0)
        return keeps("remove-absent-code") ? ITEM_NOT_FOUND : SUCCESS;
    Host host = read_host();
    bool last = domain == ADMIN && entries_in(found, domain) == 1 && host.version[0] > 10 && keeps("last-entry-asks");
    status = last ? ask_person(&host) : authorize(domain);
    if (status)
        return status;
    State state = changeable(found, domain);
    index = index_of(&state, domain, der);
    if (index >= 0)
        state.entries[index] = state.entries[--state.entry_count];
    write_state_of(&state, domain);
    perhaps_end(domain_names[domain]);
    return is_ordered("lost-reply", domain_names[domain]) ? NOT_AVAILABLE : SUCCESS;
}

OSStatus SecKeychainOpen(const char *path, CFTypeRef *found) {
    Keychain *keychain = double_new_object(keychain_type, sizeof(Keychain));
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    snprintf(keychain->name, sizeof keychain->name, "%s",
             !strcmp(name, "System.keychain") ? "system" : !strncmp(name, "login.keychain", 14) ? "login" : "");
    *found = keychain;
    return SUCCESS;
}

const char *keychain_name(CFTypeRef reference) {
    double_require(reference, keychain_type, "kSecMatchSearchList");
    return ((const Keychain *)reference)->name;
}

OSStatus SecCertificateAddToKeychain(CFTypeRef certificate, CFTypeRef reference) {
    const Bytes *der = der_of(certificate, "SecCertificateAddToKeychain");
    double_require(reference, keychain_type, "SecCertificateAddToKeychain");
    const Keychain *keychain = reference;
    OSStatus status = call("SecCertificateAddToKeychain", *keychain->name ? keychain->name : "-");
    if (status)
        return status;
    Host host = read_host();
    bool exists = *keychain->name && (strcmp(keychain->name, "login") || host.login);
    if (!exists && keeps("keychain-must-exist"))
        return NO_SUCH_KEYCHAIN;
    if (!strcmp(keychain->name, "system") && !host.root && keeps("system-keychain-is-of-root"))
        return WRITE_PERMISSION;
    if (!strcmp(keychain->name, "login") && (status = unlock_login_keychain()))
        return status;
    State state = changeable(read_state(), SYSTEM);
    for (CFIndex i = 0; i < state.item_count; i++)
        if (!strcmp(state.items[i].keychain, keychain->name) && same_bytes(&state.items[i].der, der)
            && keeps("keychain-duplicate-code"))
            return DUPLICATE_ITEM;
    Item *item = &state.items[state.item_count++];
    *item = (Item){.der = *der};
    strcpy(item->keychain, keychain->name);
    write_state(&state);
    return SUCCESS;
}

OSStatus SessionGetInfo(uint32_t session, uint32_t *identifier, uint32_t *attributes) {
    (void)session;
    Host host = read_host();
    if (identifier)
        *identifier = 100000;
    *attributes = host.gui && keeps("session-says-gui") ? 0x10 : 0x1000;
    return SUCCESS;
}

/* The first number of a struct auditinfo_addr is the user's, ai_auid. */
int getaudit_addr(uint32_t *information, int length) {
    OSStatus status = call("getaudit_addr", "-");
    if (status && keeps("session-user-may-be-unknown"))
        return -1;
    memset(information, 0, length);
    *information = keeps("session-has-user") ? read_host().user : geteuid();
    return SUCCESS;
}
