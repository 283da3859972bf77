/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A double of the tool "security", as far as it reads and writes the right to change the administrator's trust settings.
 */

#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, DENIED = -60005 };
enum { LARGEST = 64 * 1024 };

static const char RIGHT[] = "com.apple.trust-settings.admin";
static const char BEFORE[] = "<key>class</key><string>rule</string><key>created</key><real>1</real><key>k-of-n</key>"
                             "<integer>1</integer><key>rule</key><array><string>entitled-admin-or-authenticate-admin</string>"
                             "</array><key>shared</key><true/><key>modified</key><real>1</real>";
static const char MODIFIED[] = "<key>modified</key><real>", END[] = "</real>";

static void read_right(char *text) {
    char path[4096];
    path_of(path, sizeof path, "right");
    FILE *file = fopen(path, "r");
    strcpy(text, BEFORE);
    if (file) {
        text[fread(text, 1, LARGEST - 1, file)] = 0;
        fclose(file);
    }
}

/* Put a right in its place, as changed once more than the one before. */
static void write_right(const char *text) {
    char former[LARGEST], right[LARGEST], path[4096];
    read_right(former);
    const char *changed = strstr(former, MODIFIED), *own = strstr(text, MODIFIED), *rest = own ? strstr(own, END) : NULL;
    int length = own ? (int)(own - text) : (int)strlen(text);
    int times = keeps("right-notes-changes") && changed ? atoi(changed + strlen(MODIFIED)) + 1 : 1;
    snprintf(right, sizeof right, "%.*s%s%s%d%s", length, text, rest ? rest + strlen(END) : "", MODIFIED, times, END);
    path_of(path, sizeof path, "right");
    FILE *file = fopen(path, "w");
    if (!file || fputs(right, file) < 0 || fclose(file))
        halt("%s cannot be written.", path);
    set_host(strstr(right, "<string>allow</string>") ? "allowed on" : "allowed off");
}

static OSStatus write_from_input(void) {
    char text[LARGEST];
    text[fread(text, 1, LARGEST - 1, stdin)] = 0;
    char *start = strstr(text, "<dict>"), *end = strstr(text, "</dict>");
    if (!start || !end || !keeps("right-from-input"))
        return DENIED;
    *end = 0;
    write_right(start + strlen("<dict>"));
    return SUCCESS;
}

static OSStatus write_rule(const char *rule) {
    char text[512];
    const char *form = keeps("right-as-rule") ? "<key>class</key><string>rule</string><key>rule</key><array><string>%s</string></array>"
                                              : "<key>class</key><string>%s</string>";
    snprintf(text, sizeof text, form, rule);
    write_right(text);
    return SUCCESS;
}

static void show(void) {
    char text[LARGEST];
    read_right(text);
    fprintf(keeps("right-on-output") ? stdout : stderr,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>%s</dict>\n</plist>\n", text);
}

int main(int count, char **words) {
    if (count < 4 || strcmp(words[1], "authorizationdb") || strcmp(words[3], RIGHT))
        halt("The double of the tool knows the right %s alone.", RIGHT);
    Host host = read_host();
    bool writes = !strcmp(words[2], "write");
    OSStatus status = call("authorizationdb", !writes ? "read" : count > 4 ? words[4] : "put-back");
    if (!status && writes && host.version[0] >= 15 && keeps("right-is-fixed"))
        status = DENIED;
    if (!status && !writes)
        show();
    else if (!status)
        status = count > 4 ? write_rule(words[4]) : write_from_input();
    fprintf(stderr, status ? "NO (%d)\n" : "YES (%d)\n", status);
    return status && keeps("right-refused-status") ? 1 : 0;
}
