/* Copyright (c) 2026 the anchorage.pki contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files of the folder, all of lines of words:
 *   state   "item KEYCHAIN HEX", "entry DOMAIN HEX DICTIONARY..."; a dictionary is "any" (an empty one), "damaged", or
 *           "policy=OID;name=N;string=S;application=1;usage=N;error=N;result=N" without what it lacks
 *   host    "version 15.1.0", "sip on", "gui off", "root on", "allowed off" (what authorizationdb was told), "locked off"
 *           (the login keychain), "login on" (whether there is one), "person allow" (who sees a prompt: allow, cancel,
 *           wrong for wrong passwords, nobody), "user 501" (who logged in to the session); these are the defaults
 *   faults  "FUNCTION ABOUT STATUS COUNT": the next COUNT calls give STATUS, or never end where that is "hang", or end the
 *           process where it is "kill"; an event such as "erase admin on 1" is ordered likewise
 *   right   what the tool was told last, the inside of a property list's dictionary
 *   calls   "FUNCTION ABOUT" of each call, in order; ABOUT is a domain, or "-"
 */

#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const domain_names[3] = {"user", "admin", "system"};

void path_of(char *path, size_t size, const char *name) {
    const char *folder = getenv("ANCHORAGE_DOUBLE");
    if (!folder)
        halt("ANCHORAGE_DOUBLE does not name the folder of the double's state.");
    snprintf(path, size, "%s/%s", folder, name);
}

static UInt8 value_of(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

Bytes bytes_of(const char *hex) {
    CFIndex length = strlen(hex) / 2;
    Bytes found = {malloc(length + 1), length};
    for (CFIndex i = 0; i < length; i++)
        found.bytes[i] = value_of(hex[2 * i]) << 4 | value_of(hex[2 * i + 1]);
    return found;
}

bool same_bytes(const Bytes *one, const Bytes *other) {
    return one->length == other->length && !memcmp(one->bytes, other->bytes, one->length);
}

static uint32_t domain_of(const char *name) {
    for (uint32_t domain = 0; domain < 3; domain++)
        if (!strcmp(name, domain_names[domain]))
            return domain;
    halt("The state has a domain %s.", name);
}

static void add_line(State *state, char *line) {
    char *kind = strtok(line, " \n"), *where = strtok(NULL, " \n"), *hex = strtok(NULL, " \n"), *rest = strtok(NULL, "\n");
    if (!kind || !where || !hex)
        halt("The state has a line that cannot be read.");
    if (!strcmp(kind, "item")) {
        state->items = realloc(state->items, (state->item_count + 1) * sizeof(Item));
        Item *item = &state->items[state->item_count++];
        *item = (Item){.der = bytes_of(hex)};
        snprintf(item->keychain, sizeof item->keychain, "%s", where);
    } else {
        state->entries = realloc(state->entries, (state->entry_count + 1) * sizeof(Entry));
        state->entries[state->entry_count++] = (Entry){domain_of(where), bytes_of(hex), strdup(rest ? rest : "")};
    }
}

const State *read_state(void) {
    static State state;
    static struct stat known;
    char path[4096], *line = NULL;
    size_t size = 0;
    struct stat found;
    path_of(path, sizeof path, "state");
    if (stat(path, &found))
        halt("%s cannot be read: %s.", path, strerror(errno));
    if (found.st_ino == known.st_ino && found.st_size == known.st_size
        && !memcmp(&found.st_mtim, &known.st_mtim, sizeof found.st_mtim))
        return &state;
    FILE *file = fopen(path, "r");
    state = (State){0};
    while (file && getline(&line, &size, file) > 0)
        add_line(&state, line);
    free(line);
    fclose(file);
    known = found;
    return &state;
}

void write_state(const State *state) {
    char path[4096], staged[4096];
    path_of(path, sizeof path, "state");
    path_of(staged, sizeof staged, "state.new");
    FILE *file = fopen(staged, "w");
    for (CFIndex i = 0; file && i < state->item_count; i++) {
        fprintf(file, "item %s ", state->items[i].keychain);
        for (CFIndex byte = 0; byte < state->items[i].der.length; byte++)
            fprintf(file, "%02x", state->items[i].der.bytes[byte]);
        fputc('\n', file);
    }
    for (CFIndex i = 0; file && i < state->entry_count; i++) {
        fprintf(file, "entry %s ", domain_names[state->entries[i].domain]);
        for (CFIndex byte = 0; byte < state->entries[i].der.length; byte++)
            fprintf(file, "%02x", state->entries[i].der.bytes[byte]);
        fprintf(file, " %s\n", state->entries[i].settings);
    }
    if (!file || fclose(file) || rename(staged, path))
        halt("%s cannot be written: %s.", path, strerror(errno));
}

Host read_host(void) {
    Host host = {{15, 1, 0}, true, false, true, false, false, true, "allow", 501};
    char path[4096], name[16], value[16];
    path_of(path, sizeof path, "host");
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%15s %15s", name, value) == 2) {
        bool on = !strcmp(value, "on");
        if (!strcmp(name, "version"))
            sscanf(value, "%d.%d.%d", &host.version[0], &host.version[1], &host.version[2]);
        else if (!strcmp(name, "person"))
            snprintf(host.person, sizeof host.person, "%s", value);
        else if (!strcmp(name, "user"))
            host.user = atoi(value);
        else
            *(!strcmp(name, "sip") ? &host.sip : !strcmp(name, "gui") ? &host.gui : !strcmp(name, "root") ? &host.root
              : !strcmp(name, "allowed") ? &host.allowed : !strcmp(name, "login") ? &host.login : &host.locked) = on;
    }
    if (file)
        fclose(file);
    return host;
}

void set_host(const char *line) {
    char path[4096];
    path_of(path, sizeof path, "host");
    FILE *file = fopen(path, "a");
    if (!file || fprintf(file, "%s\n", line) < 0 || fclose(file))
        halt("%s cannot be written: %s.", path, strerror(errno));
}

static void note(const char *function, const char *about) {
    static int file = -1;
    char path[4096], line[256];
    path_of(path, sizeof path, "calls");
    int length = snprintf(line, sizeof line, "%s %s\n", function, about);
    if (file < 0)
        file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (write(file, line, length) != length)
        halt("%s cannot be written: %s.", path, strerror(errno));
}

/* The order for a call, which is used up by that; an empty one where there is none. */
static void take_order(const char *function, const char *about, char order[16]) {
    char path[4096], text[4096], left[4096] = "", *rest = text;
    path_of(path, sizeof path, "faults");
    int file = open(path, O_RDWR);
    if (file < 0)
        return;
    flock(file, LOCK_EX);
    ssize_t length = read(file, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char name[64], which[16], status[16];
        int count;
        if (sscanf(line, "%63s %15s %15s %d", name, which, status, &count) != 4)
            continue;
        if (!*order && count > 0 && !strcmp(name, function) && !strcmp(which, about)) {
            strcpy(order, status);
            count--;
        }
        snprintf(left + strlen(left), sizeof left - strlen(left), "%s %s %s %d\n", name, which, status, count);
    }
    if (pwrite(file, left, strlen(left), 0) < 0 || ftruncate(file, strlen(left)))
        halt("%s cannot be written: %s.", path, strerror(errno));
    close(file);
}

OSStatus call(const char *function, const char *about) {
    char order[16] = "";
    note(function, about);
    take_order(function, about, order);
    while (!strcmp(order, "hang"))
        pause();
    if (!strcmp(order, "kill"))
        raise(SIGKILL);
    return atoi(order);
}

void perhaps_end(const char *about) {
    if (is_ordered("cut-off", about))
        raise(SIGKILL);
    if (is_ordered("hang-up", about))
        for (;;)
            pause();
}

static off_t size_of_calls(void) {
    char path[4096];
    struct stat found;
    path_of(path, sizeof path, "calls");
    return stat(path, &found) ? 0 : found.st_size;
}

bool is_left_to_a_service(const char *about) {
    if (!is_ordered("service", about))
        return false;
    pid_t caller = getpid();
    off_t before = size_of_calls();
    if (fork())
        for (;;)
            pause();
    setsid();
    while (getppid() == caller || size_of_calls() == before)
        usleep(10000);
    usleep(300000);
    return true;
}

bool is_ordered(const char *event, const char *about) {
    char order[16] = "";
    take_order(event, about, order);
    return !strcmp(order, "on");
}
