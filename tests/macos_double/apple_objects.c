/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the double of Security needs of the double of CoreFoundation, on Apple's own in its place: Debian's package
 * libswiftlang (13 and later) has it. The memory rules are Apple's then, and no opinion of the double's.
 */

#include "objects.h"

#include <string.h>

enum { MOST_TYPES = 8, HEADER = 24 };

/* CFRuntime.h of swift-corelibs-foundation; functions that are NULL take what all objects have. */
typedef struct {
    CFIndex version;
    const char *name;
    void (*init)(CFTypeRef);
    CFTypeRef (*copy)(CFAllocatorRef, CFTypeRef);
    void (*finalize)(CFTypeRef);
    void *others[8];
} RuntimeClass;

CFTypeID _CFRuntimeRegisterClass(const RuntimeClass *);
CFTypeRef _CFRuntimeCreateInstance(CFAllocatorRef, CFTypeID, CFIndex extra_bytes, unsigned char *category);

static RuntimeClass classes[MOST_TYPES];
static int types;
static long living;

static void forget(CFTypeRef object) {
    (void)object;
    living--;
}

CFTypeID double_new_type(const char *name) {
    RuntimeClass *class = &classes[types++];
    *class = (RuntimeClass){.name = name, .finalize = forget};
    return _CFRuntimeRegisterClass(class);
}

void *double_new_object(CFTypeID type, size_t size) {
    living++;
    return (void *)_CFRuntimeCreateInstance(NULL, type, (CFIndex)size - HEADER, NULL);
}

void double_require(CFTypeRef object, CFTypeID type, const char *function) {
    if (CFGetTypeID(object) != type)
        halt("%s was called with an object of another type.", function);
}

CFStringRef double_constant(const char *text) { return CFStringCreateWithCString(NULL, text, kCFStringEncodingUTF8); }

long double_living(void) { return living; }
