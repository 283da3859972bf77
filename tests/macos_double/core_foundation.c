/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of CoreFoundation that is stricter than Apple's: what there may crash or pass unnoticed ends the process here.
 *
 * No memory is given back, so that an object that is used after its end is known as such.
 */

#include "objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVING = 0x600d, DEAD = 0xdead, MOST_TYPES = 16 };

typedef struct {
    unsigned state;
    CFTypeID type;
    long references;
} Object;

typedef struct { Object object; CFIndex length; UInt8 *bytes; } Data;
typedef struct { Object object; char *text; } String;
typedef struct { Object object; int64_t value; } Number;
typedef struct { Object object; CFIndex count; const void **values; bool owned; } Array;
typedef struct { Object object; CFIndex count; const void **keys, **values; bool owned, equal; } Dictionary;
typedef struct { Object object; CFIndex code; CFDictionaryRef about; } Error;

const CallBacks kCFTypeArrayCallBacks, kCFTypeDictionaryKeyCallBacks, kCFTypeDictionaryValueCallBacks;

static const char *type_names[MOST_TYPES] = {"", "CFData", "CFString", "CFNumber", "CFArray", "CFDictionary", "CFBoolean",
                                             "CFError"};
enum { DATA = 1, STRING, NUMBER, ARRAY, DICTIONARY, BOOLEAN, ERROR };
static CFTypeID types = ERROR;
static long living;
static Object truth = {LIVING, BOOLEAN, 1L << 32};
const CFBooleanRef kCFBooleanTrue = &truth;
CFStringRef kCFErrorDomainOSStatus, kCFErrorLocalizedDescriptionKey;

CFTypeID double_new_type(const char *name) {
    type_names[++types] = name;
    return types;
}

void *double_new_object(CFTypeID type, size_t size) {
    Object *object = calloc(1, size);
    *object = (Object){LIVING, type, 1};
    living++;
    return object;
}

CFStringRef double_constant(const char *text) {
    CFStringRef string = CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8);
    ((Object *)string)->references = 1L << 32;
    living--;
    return string;
}

long double_living(void) { return living; }

static Object *living_object(CFTypeRef reference, const char *function) {
    Object *object = (Object *)reference;
    if (!object && keeps("release-null"))
        halt("%s was called with NULL.", function);
    if (object && object->state == DEAD && keeps("release-once"))
        halt("%s was called with a %s that was released before.", function, type_names[object->type]);
    if (object && object->state != LIVING && object->state != DEAD)
        halt("%s was called with what is no object.", function);
    return object;
}

void double_require(CFTypeRef reference, CFTypeID type, const char *function) {
    Object *object = living_object(reference, function);
    if (object && object->type != type && keeps("one-type"))
        halt("%s was called with a %s.", function, type_names[object->type]);
}

/* Whether an accessor may go on: without the rule of types it answers nothing instead of reading foreign memory. */
static bool is_a(CFTypeRef reference, CFTypeID type, const char *function) {
    double_require(reference, type, function);
    return reference && ((const Object *)reference)->type == type;
}

CFTypeRef CFRetain(CFTypeRef reference) {
    Object *object = living_object(reference, "CFRetain");
    if (object)
        object->references++;
    return reference;
}

void CFRelease(CFTypeRef reference) {
    Object *object = living_object(reference, "CFRelease");
    if (!object || object->state == DEAD || --object->references)
        return;
    object->state = DEAD;
    living--;
    Array *array = (Array *)object;
    Dictionary *dictionary = (Dictionary *)object;
    if (object->type == ARRAY && array->owned)
        for (CFIndex i = 0; i < array->count; i++)
            CFRelease(array->values[i]);
    if (object->type == DICTIONARY && dictionary->owned)
        for (CFIndex i = 0; i < dictionary->count; i++) {
            CFRelease(dictionary->keys[i]);
            CFRelease(dictionary->values[i]);
        }
    if (object->type == ERROR)
        CFRelease(((Error *)object)->about);
}

CFTypeID CFGetTypeID(CFTypeRef reference) {
    Object *object = living_object(reference, "CFGetTypeID");
    return object ? object->type : 0;
}

CFTypeID CFDataGetTypeID(void) { return DATA; }
CFTypeID CFStringGetTypeID(void) { return STRING; }
CFTypeID CFNumberGetTypeID(void) { return NUMBER; }
CFTypeID CFArrayGetTypeID(void) { return ARRAY; }
CFTypeID CFDictionaryGetTypeID(void) { return DICTIONARY; }

static bool same_values(const Array *one, const Array *other) {
    if (one->count != other->count)
        return false;
    for (CFIndex i = 0; i < one->count; i++)
        if (!CFEqual(one->values[i], other->values[i]))
            return false;
    return true;
}

Boolean CFEqual(CFTypeRef one, CFTypeRef other) {
    Object *first = living_object(one, "CFEqual"), *second = living_object(other, "CFEqual");
    if (first == second || !keeps("equal-by-value"))
        return first == second;
    if (!first || !second || first->type != second->type)
        return false;
    const Data *data = one, *other_data = other;
    switch (first->type) {
    case DATA:
        return data->length == other_data->length && !memcmp(data->bytes, other_data->bytes, data->length);
    case STRING:
        return !strcmp(((const String *)one)->text, ((const String *)other)->text);
    case NUMBER:
        return ((const Number *)one)->value == ((const Number *)other)->value;
    case ARRAY:
        return same_values(one, other);
    default:
        return false;
    }
}

CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length) {
    (void)allocator;
    if (length < 0)
        halt("CFDataCreate was called with a negative length.");
    Data *data = double_new_object(DATA, sizeof(Data));
    data->length = length;
    data->bytes = (UInt8 *)bytes;
    if (keeps("data-copies")) {
        data->bytes = malloc(length + 1);
        memcpy(data->bytes, bytes, length);
    }
    return data;
}

CFIndex CFDataGetLength(CFDataRef data) {
    return is_a(data, DATA, "CFDataGetLength") ? ((const Data *)data)->length : 0;
}

const UInt8 *CFDataGetBytePtr(CFDataRef data) {
    return is_a(data, DATA, "CFDataGetBytePtr") ? ((const Data *)data)->bytes : NULL;
}

static bool is_utf8(const char *text) {
    for (const UInt8 *byte = (const UInt8 *)text; *byte; byte++) {
        int following = *byte < 0x80 ? 0 : *byte >= 0xf0 && *byte < 0xf5 ? 3 : *byte >= 0xe0 ? 2 : *byte >= 0xc2 ? 1 : -1;
        if (following < 0 || *byte >= 0xf5)
            return false;
        while (following-- > 0)
            if ((*++byte & 0xc0) != 0x80)
                return false;
    }
    return true;
}

CFStringRef CFStringCreateWithCString(CFAllocatorRef allocator, const char *text, CFStringEncoding encoding) {
    (void)allocator;
    if (encoding != kCFStringEncodingUTF8)
        halt("CFStringCreateWithCString was called with another encoding than UTF-8.");
    if (!is_utf8(text) && keeps("string-is-utf8"))
        return NULL;
    String *string = double_new_object(STRING, sizeof(String));
    string->text = strdup(text);
    return string;
}

Boolean CFStringGetCString(CFStringRef string, char *buffer, CFIndex size, CFStringEncoding encoding) {
    if (!is_a(string, STRING, "CFStringGetCString"))
        return false;
    if (encoding != kCFStringEncodingUTF8)
        halt("CFStringGetCString was called with another encoding than UTF-8.");
    const char *text = ((const String *)string)->text;
    bool fits = (CFIndex)strlen(text) < size;
    if (!fits && keeps("string-fits-or-false"))
        return false;
    snprintf(buffer, size, "%s", text);
    return true;
}

static void require_number_type(CFIndex type, const char *function) {
    if (type != kCFNumberSInt32Type && type != kCFNumberSInt64Type)
        halt("%s was called with another type than SInt32 and SInt64.", function);
}

CFNumberRef CFNumberCreate(CFAllocatorRef allocator, CFIndex type, const void *value) {
    (void)allocator;
    require_number_type(type, "CFNumberCreate");
    Number *number = double_new_object(NUMBER, sizeof(Number));
    number->value = type == kCFNumberSInt32Type ? *(const int32_t *)value : *(const int64_t *)value;
    return number;
}

Boolean CFNumberGetValue(CFNumberRef number, CFIndex type, void *value) {
    if (!is_a(number, NUMBER, "CFNumberGetValue"))
        return false;
    require_number_type(type, "CFNumberGetValue");
    int64_t found = ((const Number *)number)->value;
    if (type == kCFNumberSInt64Type) {
        *(int64_t *)value = found;
        return true;
    }
    *(int32_t *)value = (int32_t)found;
    return found == (int32_t)found || !keeps("number-fits-or-false");
}

static const void **copied(const void **values, CFIndex count, bool retained) {
    const void **copy = calloc(count + 1, sizeof *copy);
    for (CFIndex i = 0; i < count; i++)
        copy[i] = retained ? CFRetain(values[i]) : values[i];
    return copy;
}

CFArrayRef CFArrayCreate(CFAllocatorRef allocator, const void **values, CFIndex count, const CallBacks *callbacks) {
    (void)allocator;
    Array *array = double_new_object(ARRAY, sizeof(Array));
    array->count = count;
    array->owned = callbacks && keeps("containers-retain");
    array->values = copied(values, count, array->owned);
    return array;
}

CFIndex CFArrayGetCount(CFArrayRef array) {
    return is_a(array, ARRAY, "CFArrayGetCount") ? ((const Array *)array)->count : 0;
}

/* What "get" in a name promises: a reference that belongs to the container. */
static const void *borrowed(const void *value) { return value && !keeps("get-borrows") ? CFRetain(value) : value; }

const void *CFArrayGetValueAtIndex(CFArrayRef reference, CFIndex index) {
    if (!is_a(reference, ARRAY, "CFArrayGetValueAtIndex"))
        return NULL;
    const Array *array = reference;
    if (index >= 0 && index < array->count)
        return borrowed(array->values[index]);
    if (keeps("index-in-bounds"))
        halt("CFArrayGetValueAtIndex was called with the index %ld of %ld.", index, array->count);
    return NULL;
}

CFDictionaryRef CFDictionaryCreate(CFAllocatorRef allocator, const void **keys, const void **values, CFIndex count,
                                   const CallBacks *key_callbacks, const CallBacks *value_callbacks) {
    (void)allocator;
    Dictionary *dictionary = double_new_object(DICTIONARY, sizeof(Dictionary));
    dictionary->count = count;
    dictionary->equal = key_callbacks && keeps("keys-by-value");
    dictionary->owned = key_callbacks && value_callbacks && keeps("containers-retain");
    dictionary->keys = copied(keys, count, dictionary->owned);
    dictionary->values = copied(values, count, dictionary->owned);
    return dictionary;
}

const void *CFDictionaryGetValue(CFDictionaryRef reference, const void *key) {
    if (!is_a(reference, DICTIONARY, "CFDictionaryGetValue"))
        return NULL;
    const Dictionary *dictionary = reference;
    for (CFIndex i = 0; i < dictionary->count; i++)
        if (dictionary->equal ? CFEqual(dictionary->keys[i], key) : dictionary->keys[i] == key)
            return borrowed(dictionary->values[i]);
    return NULL;
}

__attribute__((constructor)) static void make_constants(void) {
    kCFErrorDomainOSStatus = double_constant("NSOSStatusErrorDomain");
    kCFErrorLocalizedDescriptionKey = double_constant("NSLocalizedDescription");
}

CFErrorRef CFErrorCreate(CFAllocatorRef allocator, CFStringRef domain, CFIndex code, CFDictionaryRef about) {
    (void)allocator;
    double_require(domain, STRING, "CFErrorCreate");
    Error *error = double_new_object(ERROR, sizeof(Error));
    error->code = code;
    error->about = CFRetain(about);
    return error;
}

CFIndex CFErrorGetCode(CFErrorRef error) {
    return is_a(error, ERROR, "CFErrorGetCode") && keeps("error-has-code") ? ((const Error *)error)->code : 0;
}

CFStringRef CFErrorCopyDescription(CFErrorRef error) {
    if (!is_a(error, ERROR, "CFErrorCopyDescription"))
        return NULL;
    CFTypeRef text = CFDictionaryGetValue(((const Error *)error)->about, kCFErrorLocalizedDescriptionKey);
    return text && keeps("error-description-copied") ? CFRetain(text) : text;
}
