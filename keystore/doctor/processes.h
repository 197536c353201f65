/* Servers that run, as /proc shows them. */
#ifndef LB_DOCTOR_PROCESSES_H
#define LB_DOCTOR_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/servers/servers.h"

/* systemd has none that is longer than 255 bytes (systemd.unit(5)). */
#define RUNNING_UNIT_SIZE 256

struct running {
    pid_t pid;         /* the first process of it; 0: none runs */
    bool readable;     /* this process may look into it */
    bool has_module;   /* it, or a process that it started, has the module in its memory */
    bool lost_socket;  /* the box's socket is a mount of its own there */
    bool no_socket;    /* the box's socket is here, and there is none or another one there */
    char unit[RUNNING_UNIT_SIZE]; /* "nginx.service"; "" where none is known */
};

/*
 * Looks for a server with this configuration: a process of the table's name in this process's root directory, whose command
 * line names the file or its directory, or no other file where usual is set (the file is where the server looks by itself).
 * Only root's processes count, the caller's own and those of user, the server's (NULL: not known): anybody else may give a
 * process that name and those arguments, and a root that goes by it would be led. Root's come before the others'.
 * module: its file name; socket: the path of a box. False: none runs.
 */
bool running_find(const struct server_program *server, const char *config, bool usual, const uid_t *user, const char *module,
                  const char *socket, struct running *ret);

/*
 * The unit in the text of a /proc/PID/cgroup (cgroups(7)), which is cut up: the last part of a path that is the name of a
 * service of systemd and nothing else, since it becomes a word of a command in a hint. "": there is none.
 */
void running_unit(char *cgroups, char ret[RUNNING_UNIT_SIZE]);

/* Is something mounted on that very path, as pid sees it (0: this process)? */
bool running_is_mounted(pid_t pid, const char *path);

#endif
