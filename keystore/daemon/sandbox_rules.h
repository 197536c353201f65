/* What the process that holds keys may reach in the file system. */
#ifndef LB_DAEMON_SANDBOX_RULES_H
#define LB_DAEMON_SANDBOX_RULES_H

/* The paths are absolute. */
struct sandbox_rules {
    const char *state;         /* the box's directory: it reads and writes the store in it */
    const char *credential;    /* a file, there or not: files in its directory can be read */
    const char *module_writes; /* NULL: a sealed box. Else directories with ':' between, where a module may write */
};

#endif
