/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Apple's types and signatures, as far as the collection calls them, and what the double's two libraries share.
 */

#ifndef OBJECTS_H
#define OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef const void *CFTypeRef, *CFAllocatorRef, *CFStringRef, *CFDataRef, *CFNumberRef, *CFArrayRef, *CFDictionaryRef;
typedef const void *CFBooleanRef, *CFErrorRef;
typedef long CFIndex;
typedef unsigned long CFTypeID;
typedef uint8_t Boolean, UInt8;
typedef uint32_t CFStringEncoding;
typedef int32_t OSStatus;

/* Only the addresses of these tables matter: those of Apple's objects, or none, which stands for plain pointers. */
typedef struct { long unused; } CallBacks;
extern const CallBacks kCFTypeArrayCallBacks, kCFTypeDictionaryKeyCallBacks, kCFTypeDictionaryValueCallBacks;

extern const CFBooleanRef kCFBooleanTrue;
extern CFStringRef kCFErrorDomainOSStatus, kCFErrorLocalizedDescriptionKey;

enum { kCFStringEncodingUTF8 = 0x08000100, kCFNumberSInt32Type = 3, kCFNumberSInt64Type = 4 };

CFDataRef CFDataCreate(CFAllocatorRef, const UInt8 *, CFIndex);
CFIndex CFDataGetLength(CFDataRef);
const UInt8 *CFDataGetBytePtr(CFDataRef);
CFStringRef CFStringCreateWithCString(CFAllocatorRef, const char *, CFStringEncoding);
Boolean CFStringGetCString(CFStringRef, char *, CFIndex, CFStringEncoding);
CFNumberRef CFNumberCreate(CFAllocatorRef, CFIndex, const void *);
Boolean CFNumberGetValue(CFNumberRef, CFIndex, void *);
CFArrayRef CFArrayCreate(CFAllocatorRef, const void **, CFIndex, const CallBacks *);
CFIndex CFArrayGetCount(CFArrayRef);
const void *CFArrayGetValueAtIndex(CFArrayRef, CFIndex);
CFDictionaryRef CFDictionaryCreate(CFAllocatorRef, const void **, const void **, CFIndex, const CallBacks *,
                                   const CallBacks *);
const void *CFDictionaryGetValue(CFDictionaryRef, const void *);
CFErrorRef CFErrorCreate(CFAllocatorRef, CFStringRef, CFIndex, CFDictionaryRef);
CFIndex CFErrorGetCode(CFErrorRef);
CFStringRef CFErrorCopyDescription(CFErrorRef);
CFTypeID CFGetTypeID(CFTypeRef), CFDataGetTypeID(void), CFStringGetTypeID(void), CFNumberGetTypeID(void);
CFTypeID CFArrayGetTypeID(void), CFDictionaryGetTypeID(void);
Boolean CFEqual(CFTypeRef, CFTypeRef);
CFTypeRef CFRetain(CFTypeRef);
void CFRelease(CFTypeRef);

/* Whether the double keeps to the fact of this name in FACTS.md: always, but for the one in ANCHORAGE_DOUBLE_WITHOUT. */
bool keeps(const char *fact);
/* End the process with a sentence on standard error, as Apple's libraries end it with a crash report. */
void halt(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Types of other libraries: a number for one, and objects of it. */
CFTypeID double_new_type(const char *name);
void *double_new_object(CFTypeID type, size_t size);
/* End the process unless it is a living object of the type. */
void double_require(CFTypeRef object, CFTypeID type, const char *function);
/* A string that a library exports: it lives as long as the process, and is not counted. */
CFStringRef double_constant(const char *text);
/* The number of objects that live. */
long double_living(void);

#endif
