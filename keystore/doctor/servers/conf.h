/* What the configuration of a server says about its private keys: its files are read, the server is never run. */
#ifndef LB_DOCTOR_SERVERS_CONF_H
#define LB_DOCTOR_SERVERS_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/errors.h"

/* Where reading ends, whatever the files say: in bytes, or a number of things. */
#define SRV_FILE_MAX (16 * 1024 * 1024)
#define SRV_TOTAL_MAX (512 * 1024 * 1024)
#define SRV_FILES_MAX 200000
#define SRV_LOOKED_MAX 1000000 /* names in directories */
#define SRV_DEPTH_MAX 16
#define SRV_KEYS_MAX 500000    /* words that look like one included: a hundred thousand sites have three each */
#define SRV_HALVES_MAX 500000
#define SRV_PROBLEMS_MAX 50
#define SRV_SETTINGS_MAX 4000
#define SRV_LINE_MAX 16384

/* What a server has instead of a key. */
enum srv_kind {
    SRV_FILE,   /* a file that must hold a key */
    SRV_MAYBE,  /* a file that may hold one: a certificate file, which may have its key in it */
    SRV_WORD,   /* a word that looks like a file with a key, but no reader knows a key there */
    SRV_STAYS,  /* a file with a private key that no handle can stand for */
    SRV_BUNDLE, /* a file that must hold one, or FILE.key beside it, or FILE with .key for its last ending */
    SRV_URI,    /* for OpenSSL's store */
    SRV_INLINE, /* the configuration itself has the key */
    SRV_OPEN,   /* a question that the configuration alone does not decide */
    SRV_MAKES,  /* private keys that the server makes by itself; the text is what says so */
};

struct srv_key {
    enum srv_kind kind;
    char *text; /* absolute path as the server sees it, URI, or what it is about */
    char *file; /* where that stands */
    unsigned line;
    size_t next; /* the next key in the same bucket of the index, counted from 1; 0: none */
};

/*
 * A certificate or a key, of those that belong together. The first certificate in a scope is of the first key there, and so on.
 * A scope is a place in the configuration (a server block, a section), and a role in that place.
 */
struct srv_half {
    bool is_key;
    unsigned scope;
    char *role;
    char *text;       /* absolute path as the server sees it, or URI; "" where only the server knows */
    char *file;
    unsigned line;
};

/* What keeps the configuration from being read as a whole. */
struct srv_problem {
    char text[PATH_MAX + 300];
};

struct srv_setting {
    char *name, *value, *file;
    unsigned line;
};

/* A file on its way through a reader; data has a NUL behind it. */
struct srv_source {
    const char *path;
    const char *data;
    size_t len, at;
    unsigned line; /* of the last that was read, from 1 */
};

/* One configuration while and after it is read. srvconf_init(), srvconf_clear(). */
struct srvconf {
    int root;                     /* descriptor of the directory that is "/" to the server; -1: no other than ours */
    char main[PATH_MAX];          /* the first file */
    char base[PATH_MAX];          /* what relative names are relative to */
    char user[64], group[64];     /* of the workers; "": nothing is said, "?": the configuration does not decide it */
    char chroot[PATH_MAX];        /* of the workers; "" for none */
    const char *obstacle, *cure;  /* why no handle can work with this configuration, and what helps; NULL: nothing known */
    bool full;                    /* one of the caps was met: that is among the problems */
    unsigned files;
    size_t total;
    unsigned looked;
    unsigned depth;
    struct {
        dev_t dev;
        ino_t ino;
    } stack[SRV_DEPTH_MAX];       /* the files that are being read */
    struct srv_key *keys;
    size_t key_count;
    size_t *buckets;              /* the index of keys by their text: the first key of each bucket, counted from 1; 0: none */
    size_t bucket_count;          /* a power of two, or 0 */
    struct srv_half *halves;
    size_t half_count;
    unsigned scope;               /* where halves that come are */
    unsigned scopes;              /* that were begun so far */
    struct srv_problem *problems;
    size_t problem_count;
    unsigned untold;              /* problems beyond SRV_PROBLEMS_MAX: how many */
    struct srv_setting *settings;
    size_t setting_count;
};

/* Reads one file into c, and with srv_include() those that it names. */
typedef void srv_reader(struct srvconf *c, struct srv_source *s);
/* Looks at the settings as a whole, once all files are read. */
typedef void srv_finisher(struct srvconf *c);

/* root NULL: the machine's. LB_E_SYSTEM with errno when it is no directory. */
LB_MUST_USE int srvconf_init(struct srvconf *c, const char *root);
void srvconf_clear(struct srvconf *c);

/* Adds a problem at the place in s; NULL: at no place in a file. */
void srv_problem(struct srvconf *c, const struct srv_source *s, const char *fmt, ...) LB_PRINTF(3, 4);
/* Adds a key; the same key only once. A relative path is made absolute by c->base. */
void srv_key_add(struct srvconf *c, const struct srv_source *s, enum srv_kind kind, const char *text);
/* Adds text as SRV_WORD if it looks like the name of a key file: for words that a reader may not know. */
void srv_word(struct srvconf *c, const struct srv_source *s, const char *text);
/* Takes back what srv_word() added of the line that was read last: the reader knows what that line is about. */
void srv_words_known(struct srvconf *c, const struct srv_source *s);
/* Adds one half of a pair. */
void srv_half(struct srvconf *c, const struct srv_source *s, const char *role, bool is_key, const char *text);
/* Begins a scope. Returns the scope before; set c->scope back to that when the new one ends. */
unsigned srv_scope(struct srvconf *c);
/* SRV_MAYBE becomes SRV_FILE if the configuration names no key at all: then its certificate files must have the keys. */
srv_finisher srv_keys_with_certificates;
/* Adds text as a URI if it has a scheme that littlebox knows, and as a file if not. */
void srv_key_add_any(struct srvconf *c, const struct srv_source *s, const char *text);
/* Sets a name to a value, in the place of an earlier value. Names are compared as they are. */
void srv_set(struct srvconf *c, const struct srv_source *s, const char *name, const char *value);
/* NULL: not set. */
const struct srv_setting *srv_setting(const struct srvconf *c, const char *name);
const char *srv_get(const struct srvconf *c, const char *name, const char *otherwise);
/* The place of a setting, for functions that take one. It is good as long as the setting is not set again. */
struct srv_source srv_place(const struct srv_setting *setting);
/* Copies the name of a user or group. A text that can be none becomes "?". */
void srv_name(char ret[64], const char *name);
/* name joined to dir unless it is absolute. False: too long. */
bool srv_join(const char *dir, const char *name, char ret[PATH_MAX]);
/* Sets c->base to dir, which is relative to the base before. */
void srv_rebase(struct srvconf *c, const char *dir);
/* name as it is meant in the file that is read: relative to that file's directory. False: too long. */
bool srv_beside(const struct srv_source *s, const char *name, char ret[PATH_MAX]);

/* doctor/servers/file.c: the files themselves. */

/*
 * Opens a plain file by the path that the server has for it, and never waits for a FIFO or a device. *ret_fd is the caller's.
 * LB_E_VALUE: it is no plain file. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int srv_open(const struct srvconf *c, const char *path, int *ret_fd, struct stat *ret_st);
/*
 * Reads the files that a pattern (glob(7): * ? [...] in any part of the path) stands for, in their order. A file that includes
 * itself is a problem, and so are files nested too deep. absent: a name without wildcards may be missing; else that is a problem
 * too.
 */
void srv_include(struct srvconf *c, const struct srv_source *s, const char *pattern, bool absent, srv_reader *read);
/* Every plain file of a directory whose name matches (NULL: all but hidden ones). False: it is no directory. */
bool srv_include_dir(struct srvconf *c, const struct srv_source *s, const char *dir, const char *match,
                     srv_reader *read);
/* The paths that a pattern stands for, sorted. False: out of memory or too many, and that is among the problems. */
struct srv_paths {
    char **path;
    size_t count;
};
bool srv_glob(struct srvconf *c, const char *pattern, struct srv_paths *ret);
void srv_paths_free(struct srv_paths *p);
bool srv_is_dir(const struct srvconf *c, const char *path);
/* The user whose file or directory it is; false: it is not there. */
bool srv_owner(const struct srvconf *c, const char *path, uid_t *ret);

/* doctor/servers/lex.c: three ways in which configurations are written. */

#define SRV_WORDS_MAX 300

/* How a line falls into words. */
struct srv_rules {
    bool continued;      /* a backslash at the end of a line joins the next one to it */
    bool escapes;        /* a backslash takes the special meaning of the next byte, but in '...' */
    bool comment_inside; /* '#' begins a comment between words too, not only in front of the first one */
    bool quotes;         /* "..." and '...' */
};

struct srv_words {
    char text[SRV_LINE_MAX];
    const char *word[SRV_WORDS_MAX];
    bool variable[SRV_WORDS_MAX]; /* the word has a '$' in it, outside of '...' */
    size_t count;
};

/* The next line with words in it; false: no more. A line that is too long is a problem, and passed over. */
bool srv_words(struct srvconf *c, struct srv_source *s, const struct srv_rules *rules, struct srv_words *ret);

/*
 * The next line that is no comment, without blanks around it. False: no more. comments: the bytes that begin a comment. folded:
 * a line that begins with a blank belongs to the one before (postconf(5)).
 */
bool srv_line(struct srvconf *c, struct srv_source *s, const char *comments, bool folded, char ret[SRV_LINE_MAX]);
/* "name = value": cut in place, blanks around both removed. False: there is no '='. */
bool srv_split(char *line, char **ret_name, char **ret_value);
/* Takes a pair of quotes off, if both are there. */
char *srv_unquote(char *value);

enum srv_token { SRV_END, SRV_TOKEN, SRV_SEMICOLON, SRV_OPEN_BRACE, SRV_CLOSE_BRACE };
/*
 * The next token, of statements that end with ';' or have a block in braces. ret is the word of a SRV_TOKEN. slashes: there are
 * C's comments too.
 */
enum srv_token srv_token(struct srvconf *c, struct srv_source *s, bool slashes, char ret[SRV_LINE_MAX]);
/* Goes from behind the '{' of a block in Lua to behind its '}'. */
void srv_skip_block(struct srv_source *s);

#endif
