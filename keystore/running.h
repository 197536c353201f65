/* Servers that run, as /proc shows them. */
#ifndef LB_RUNNING_H
#define LB_RUNNING_H

#include <stdbool.h>
#include <sys/types.h>

#include "servers.h"

struct running {
    pid_t pid;         /* the first process of it; 0: none runs */
    bool readable;     /* this process may look into it */
    bool has_module;   /* it, or a process that it started, has the module in its memory */
    bool lost_socket;  /* the box's socket is a mount of its own there */
    bool no_socket;    /* the box's socket is here, and there is none or another one there */
    char unit[300];    /* "nginx.service"; "" where none is known */
};

/*
 * Looks for a server with this configuration: a process of the table's name in this process's root directory, whose command
 * line names the file or its directory, or no other file where usual is set (the file is where the server looks by itself).
 * module: its file name; socket: the path of a box. False: none runs.
 */
bool running_find(const struct server *server, const char *config, bool usual, const char *module, const char *socket,
                  struct running *ret);

/* Is something mounted on that very path, as pid sees it (0: this process)? */
bool running_is_mounted(pid_t pid, const char *path);

#endif
