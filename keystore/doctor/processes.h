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
    bool has_module;   /* this process, or one that it started, has the module in its memory */
    bool lost_socket;  /* the box's socket is a mount of its own there */
    bool no_socket;    /* the box's socket is here, but there is none there, or another one */
    char unit[RUNNING_UNIT_SIZE]; /* "nginx.service"; "" where none is known */
};

/*
 * Looks for a server that runs with this configuration. It is a process with a name from the table, in this process's root
 * directory, whose command line names the file or its directory. With usual (the file is where the server looks by itself) a
 * command line that names no file will do.
 * Only processes of root, of the caller and of user count (user: the server's; NULL: not known), and root's come first. Anybody
 * else can start a process with that name and those arguments, and would lead a root who believes it.
 * module: its file name; socket: the path of a box. False: none runs.
 */
bool running_find(const struct server_program *server, const char *config, bool usual, const uid_t *user, const char *module,
                  const char *socket, struct running *ret);

/*
 * Finds the unit in the text of a /proc/PID/cgroup (cgroups(7)), and cuts the text up. The unit is the last part of a path that
 * is the name of a systemd service and nothing else, since it becomes a word of a command in a hint. "": there is none.
 */
void running_unit(char *cgroups, char ret[RUNNING_UNIT_SIZE]);

/* Is something mounted on that very path, as pid sees it (0: this process)? */
bool running_is_mounted(pid_t pid, const char *path);

#endif
