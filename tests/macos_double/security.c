/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the part of Apple's Security that reads certificates, policies and trust settings.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { long header[3]; Bytes der; char keychain[8]; } Certificate;
typedef struct { long header[3]; char oid[64], host[256]; } Policy;

enum { SUCCESS = 0, PARAM = -50, INVALID_TRUST_SETTINGS = -25262, NO_TRUST_SETTINGS = -25263, ITEM_NOT_FOUND = -25300 };
enum { USER, ADMIN, SYSTEM };

static CFTypeID certificate_type, policy_type;

__attribute__((constructor)) static void register_types(void) {
    certificate_type = double_new_type("SecCertificate");
    policy_type = double_new_type("SecPolicy");
}

CFTypeID SecCertificateGetTypeID(void) { return certificate_type; }
CFTypeID SecPolicyGetTypeID(void) { return policy_type; }

CFTypeRef certificate_of(const Bytes *der) {
    Certificate *certificate = double_new_object(certificate_type, sizeof(Certificate));
    certificate->der = *der;
    return certificate;
}

CFTypeRef found_in(const char *keychain, const Bytes *der) {
    CFTypeRef certificate = certificate_of(der);
    strcpy(((Certificate *)certificate)->keychain, keychain);
    return certificate;
}

const char *keychain_of(CFTypeRef certificate) { return ((const Certificate *)certificate)->keychain; }

/* Whether it is one SEQUENCE, whole and with nothing after it. */
static bool is_der(const Bytes *data) {
    CFIndex length = 0, digits = data->length > 1 && data->bytes[1] & 0x80 ? data->bytes[1] & 0x7f : 0;
    if (data->length < 2 || data->bytes[0] != 0x30 || digits > 4 || data->length < 2 + digits)
        return false;
    for (CFIndex i = 0; i < digits; i++)
        length = length << 8 | data->bytes[2 + i];
    return data->length == 2 + digits + (digits ? length : data->bytes[1]);
}

CFTypeRef SecCertificateCreateWithData(CFAllocatorRef allocator, CFDataRef data) {
    (void)allocator;
    Bytes der = {malloc(CFDataGetLength(data) + 1), CFDataGetLength(data)};
    memcpy(der.bytes, CFDataGetBytePtr(data), der.length);
    if (!is_der(&der) && keeps("certificate-is-der"))
        return NULL;
    return certificate_of(&der);
}

const Bytes *der_of(CFTypeRef certificate, const char *function) {
    double_require(certificate, certificate_type, function);
    return &((const Certificate *)certificate)->der;
}

CFDataRef SecCertificateCopyData(CFTypeRef certificate) {
    const Bytes *der = der_of(certificate, "SecCertificateCopyData");
    return CFDataCreate(NULL, der->bytes, keeps("certificate-data-same") ? der->length : der->length - 1);
}

static CFStringRef string_of(const char *text) { return CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8); }

static CFTypeRef policy_of(const char *oid) {
    Policy *policy = double_new_object(policy_type, sizeof(Policy));
    snprintf(policy->oid, sizeof policy->oid, "%s", oid);
    return policy;
}

CFTypeRef SecPolicyCreateSSL(Boolean server, CFStringRef host) {
    (void)server;
    CFTypeRef policy = policy_of(keeps("policy-oid-ssl") ? "1.2.840.113635.100.1.3" : "1.2.840.113635.100.1.9");
    if (host && !CFStringGetCString(host, ((Policy *)policy)->host, sizeof ((Policy *)policy)->host, kCFStringEncodingUTF8))
        halt("SecPolicyCreateSSL was called with a name that is too long.");
    return policy;
}

CFTypeRef SecPolicyCreateBasicX509(void) {
    return policy_of(keeps("policy-oid-basic") ? "1.2.840.113635.100.1.2" : "1.2.840.113635.100.1.9");
}

const char *policy_oid(CFTypeRef policy) {
    double_require(policy, policy_type, "SecTrustSettingsSetTrustSettings");
    return ((const Policy *)policy)->oid;
}

const char *policy_host(CFTypeRef policy) { return ((const Policy *)policy)->host; }

/* Adds a key with a value that the dictionary then owns alone. */
typedef struct { const void *keys[8], *values[8]; CFIndex count; } Pairs;

static void add(Pairs *pairs, const char *key, CFTypeRef value) {
    pairs->keys[pairs->count] = string_of(key);
    pairs->values[pairs->count++] = value;
}

static CFDictionaryRef dictionary_of(Pairs *pairs) {
    CFDictionaryRef dictionary = CFDictionaryCreate(NULL, pairs->keys, pairs->values, pairs->count,
                                                    &kCFTypeDictionaryKeyCallBacks, &kCFTypeDictionaryValueCallBacks);
    for (CFIndex i = 0; i < pairs->count; i++) {
        CFRelease(pairs->keys[i]);
        CFRelease(pairs->values[i]);
    }
    return dictionary;
}

CFDictionaryRef SecPolicyCopyProperties(CFTypeRef policy) {
    double_require(policy, policy_type, "SecPolicyCopyProperties");
    Pairs pairs = {.count = 0};
    add(&pairs, "SecPolicyOid", string_of(((const Policy *)policy)->oid));
    return dictionary_of(&pairs);
}

static bool is_searched(const State *state, const Bytes *der) {
    for (CFIndex i = 0; i < state->item_count; i++)
        if (same_bytes(&state->items[i].der, der))
            return true;
    return !keeps("listed-when-in-keychain");
}

OSStatus SecTrustSettingsCopyCertificates(uint32_t domain, CFArrayRef *found) {
    if (domain > SYSTEM || !found)
        return keeps("param-checked") ? PARAM : SUCCESS;
    OSStatus status = call("SecTrustSettingsCopyCertificates", domain_names[domain]);
    const State *state = read_state();
    const void **listed = calloc(state->entry_count + 1, sizeof *listed);
    CFIndex count = 0, entries = 0;
    for (CFIndex i = 0; i < state->entry_count && !status; i++) {
        const Entry *entry = &state->entries[i];
        bool other = entry->domain != domain && keeps("domains-apart");
        entries += !other;
        if (!other && is_searched(state, &entry->der))
            listed[count++] = certificate_of(&entry->der);
    }
    if (!status && !entries && keeps("empty-domain-code"))
        status = NO_TRUST_SETTINGS;
    if (!status || !keeps("out-untouched-list"))
        *found = CFArrayCreate(NULL, listed, count, &kCFTypeArrayCallBacks);
    for (CFIndex i = 0; i < count; i++)
        CFRelease(listed[i]);
    free(listed);
    return status;
}

static CFNumberRef number_of(const char *text) {
    int64_t value = strtoll(text, NULL, 10);
    return CFNumberCreate(NULL, kCFNumberSInt64Type, &value);
}

static CFDictionaryRef settings_of(char *word) {
    Pairs pairs = {.count = 0};
    for (char *pair; (pair = strsep(&word, ";"));) {
        char *key = strsep(&pair, "=");
        if (!strcmp(key, "policy"))
            add(&pairs, "kSecTrustSettingsPolicy", keeps("policy-is-object") ? policy_of(pair) : string_of(pair));
        else if (!strcmp(key, "name"))
            add(&pairs, "kSecTrustSettingsPolicyName", string_of(pair));
        else if (!strcmp(key, "string"))
            add(&pairs, "kSecTrustSettingsPolicyString", string_of(pair));
        else if (!strcmp(key, "application"))
            add(&pairs, "kSecTrustSettingsApplication", CFDataCreate(NULL, (const UInt8 *)pair, strlen(pair)));
        else if (!strcmp(key, "usage"))
            add(&pairs, "kSecTrustSettingsKeyUsage", number_of(pair));
        else if (!strcmp(key, "error"))
            add(&pairs, "kSecTrustSettingsAllowedError", number_of(pair));
        else if (!strcmp(key, "result"))
            add(&pairs, "kSecTrustSettingsResult", number_of(pair));
    }
    return dictionary_of(&pairs);
}

static CFArrayRef array_of(const char *settings) {
    const void *dictionaries[64];
    CFIndex count = 0;
    char *text = strdup(settings), *rest = text;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word && count < 64)
            dictionaries[count++] = settings_of(word);
    if (count > 1 && !keeps("settings-in-order")) {
        const void *first = dictionaries[0];
        dictionaries[0] = dictionaries[count - 1];
        dictionaries[count - 1] = first;
    }
    CFArrayRef array = CFArrayCreate(NULL, dictionaries, count, &kCFTypeArrayCallBacks);
    for (CFIndex i = 0; i < count; i++)
        CFRelease(dictionaries[i]);
    free(text);
    return array;
}

const Entry *entry_of(const State *state, uint32_t domain, const Bytes *der) {
    for (CFIndex i = 0; i < state->entry_count; i++)
        if (state->entries[i].domain == domain && same_bytes(&state->entries[i].der, der))
            return &state->entries[i];
    return NULL;
}

OSStatus SecTrustSettingsCopyTrustSettings(CFTypeRef certificate, uint32_t domain, CFArrayRef *found) {
    if (domain > SYSTEM || !certificate || !found)
        return keeps("param-checked") ? PARAM : SUCCESS;
    const Bytes *der = der_of(certificate, "SecTrustSettingsCopyTrustSettings");
    OSStatus status = call("SecTrustSettingsCopyTrustSettings", domain_names[domain]);
    const Entry *entry = entry_of(read_state(), domain, der);
    if (!status && entry && !*entry->settings && !keeps("no-settings-empty-array"))
        status = ITEM_NOT_FOUND;
    if (!status && !entry && keeps("no-entry-code"))
        status = ITEM_NOT_FOUND;
    if (!status && entry && strstr(entry->settings, "damaged") && keeps("damaged-entry-code"))
        status = INVALID_TRUST_SETTINGS;
    if (!status || !keeps("out-untouched-settings"))
        *found = array_of(entry && !strstr(entry->settings, "damaged") ? entry->settings : "");
    return status;
}

CFStringRef SecCopyErrorMessageString(OSStatus status, void *reserved) {
    (void)reserved;
    char text[64];
    snprintf(text, sizeof text, status == ITEM_NOT_FOUND && keeps("message-known")
             ? "The specified item could not be found in the keychain." : "OSStatus %d", status);
    return string_of(text);
}
