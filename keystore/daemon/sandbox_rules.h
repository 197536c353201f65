/* The files that a box's sandbox leaves it: for its filter of system calls and for Landlock. */
#ifndef LB_DAEMON_SANDBOX_RULES_H
#define LB_DAEMON_SANDBOX_RULES_H

/* All paths are absolute, and the caller's. */
struct sandbox_rules {
    const char *state;         /* the box's directory, with the store that the box reads and writes */
    const char *credential;    /* a file, there or not; the files in its directory can be read */
    const char *module_writes; /* where a token's module may write: directories with ':' between; NULL: the box is sealed */
};

#endif
