/* What a box tells of its keys, its seals, its token and itself. */
#ifndef LB_MODEL_DESCRIPTION_H
#define LB_MODEL_DESCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/pkcs11_uri.h"
#include "model/vocabulary.h"

/* One version of a key with its public half: the answer to GET, CREATE and IMPORT. */
struct key_info {
    char box[LB_NAME_MAX + 1];
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1]; /* "ec:P-256", "rsa:2048" … */
    uint32_t version;
    uint8_t state;
    uint64_t created;     /* seconds since 1970 */
    struct bytes spki;    /* DER SubjectPublicKeyInfo, at most LB_SPKI_MAX */
};

struct key_entry {
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1]; /* of the newest version */
    uint32_t version;           /* the active version; 0: none is */
    uint32_t versions;          /* how many there are, destroyed ones too */
    uint8_t state;              /* of the active, else of the newest version */
    bool damaged;               /* a record of the key does not authenticate */
    uint64_t created;           /* of that version */
    bool certified;             /* the active version has a certificate */
};

struct version_entry {
    uint32_t version;
    uint8_t state;
    bool damaged;
    char type[LB_TYPE_MAX + 1];
    uint64_t created;
    uint64_t changed;           /* when the state last changed */
    uint8_t hash[LB_HASH_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo */
    uint8_t certificates;       /* in its chain */
    bool chain_damaged;         /* it had a chain that cannot be read any more */
    uint64_t destroy_at;        /* of STATE_DESTROY_SCHEDULED; else 0 */
    struct version_life life;
    bool current;               /* the one that the key's name alone means */
    uint64_t used;              /* the last time, seconds since 1970; 0: not as far as is known */
};

/* SHOW: all of a key but its public halves. The arrays belong to whoever filled the struct. */
struct key_details {
    char name[LB_NAME_MAX + 1];
    char former[LB_FORMER_MAX + 1]; /* names that it had before, with a blank between two; "": none */
    uint16_t version_count;
    struct version_entry versions[LB_VERSIONS_MAX];
    uint16_t grant_count;
    struct grant grants[LB_GRANTS_MAX];
    uint16_t purposes; /* of enum purpose; LIVES tells it */
};

/* PURPOSES: a key that is for something. */
struct purposes_entry {
    char name[LB_NAME_MAX + 1];
    uint16_t purposes;
};

/* What became of ACTIVATE, BACK and STATE. */
struct life_answer {
    uint32_t version;  /* that it was about */
    uint8_t state;     /* that the version is in now */
    bool changed;      /* false: it was so already */
    uint64_t at;       /* ACTIVATE: when it becomes the current one; 0: it is */
    uint32_t former;   /* ACTIVATE and BACK: the version that goes on until... ; 0: none does */
    uint64_t until;    /* ...this time */
};

/* EXPIRING: a version whose certificate ends (certificate), or that is deactivated or destroyed. */
enum expiring_what { EXPIRING_CERTIFICATE = 1, EXPIRING_DEACTIVATION = 2, EXPIRING_DESTRUCTION = 3 };
struct expiring_entry {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    uint8_t what; /* enum expiring_what */
    uint64_t at;
};

/* USERS: a process that used a version, by what the kernel says of the sender. */
struct user_entry {
    uint32_t version;
    uint32_t pid, uid;
    uint64_t first, last; /* seconds since 1970 */
    uint64_t uses;
};

struct seal_info {
    uint32_t id;
    uint8_t kind;
    char label[LB_LABEL_MAX + 1];
    uint64_t created;
};

struct box_status {
    char box[LB_NAME_MAX + 1];
    char software[LB_LABEL_MAX + 1]; /* "littlebox 0.1.0" */
    char backend[LB_LABEL_MAX + 1];  /* "sealed" */
    uint8_t lock;                    /* enum lock_state */
    uint8_t credential;              /* enum credential_use */
    bool memory_locked;              /* all of the box's memory, not only its secrets */
    uint8_t sandbox;                 /* SANDBOX_*: what the process with the keys is kept from */
    bool closed;                     /* that process could never be traced by the user it runs as */
    bool admin;                      /* what the caller is to this box */
    uint32_t uid;                    /* of the caller, as the kernel told it */
    uint32_t pid;                    /* of the process that holds the keys */
    uint32_t restarts;               /* how often the keeper replaced that process */
    uint32_t threads;
    uint32_t connections;
    uint32_t keys;
    uint32_t damaged;
    uint64_t started;                /* seconds since 1970 */
    uint64_t signatures;             /* made since then */
    uint64_t decryptions;
    uint64_t derivations;
    uint64_t refusals;               /* requests answered with LB_E_DENIED since then */
    bool users_mapped;               /* the box's user namespace maps all users, and */
    bool groups_mapped;              /* all groups; else these two are nobody to it: */
    uint32_t overflow_uid;
    uint32_t overflow_gid;
    uint8_t memory;                  /* enum memory_state */
    uint32_t memory_needed;          /* KiB that have to be locked */
    uint32_t memory_limit;           /* KiB that may be locked; LB_MEMORY_NO_LIMIT: none, or it is not why */
};

/* The answer. Texts are without control characters. */
struct box_opening {
    uint8_t how;                      /* enum opened_how */
    uint8_t kind;                     /* of the seal that it is open by; 0: it is not open */
    uint32_t seal;                    /* 0: it is not open */
    char file[LB_PATH_TEXT_MAX + 1];  /* OPENED_AT_START: what was read then; else "" */
    char next_file[LB_PATH_TEXT_MAX + 1]; /* what a start reads; of the service manager, if handed */
    bool handed;                      /* the service manager makes next_file anew at each start of the service */
    uint8_t next;                     /* enum next_start, of next_file or of the secret that was asked about */
    uint8_t credentials, passphrases; /* seals of the store */
    uint16_t next_count;
    uint32_t next_seals[LB_SEALS_MAX]; /* that it opens */
    bool store_replaced;              /* the store's file is not the one that the box has open, or was written by others */
    struct problem why;               /* NEXT_REFUSED; else code 0 */
};

/* TOKEN: the token of a box, and how it is. Texts are without control characters. */
struct token_status {
    bool connected;
    char module[LB_PATH_TEXT_MAX + 1];
    char library[33], label[33], manufacturer[33], model[17], serial[17];
    uint64_t slot;
    uint32_t sessions;      /* open now */
    uint32_t sessions_max;
    uint32_t reconnects;    /* since the box was started */
    struct problem problem; /* why it is not connected; code 0: nothing known */
};

struct token_key {
    char key[LB_NAME_MAX + 1];  /* of the box, if it is one; else "" */
    char type[LB_TYPE_MAX + 1]; /* "" where the token does not tell, or a box does not hold it */
    struct bytes id, label;     /* at most P11_VALUE_MAX */
};

/* The answer: what token the box serves, and if it is the one. Its objects are read one by one. */
struct found_token {
    char token[LB_TOKEN_URI_MAX + 1]; /* "pkcs11:token=..." */
    bool is_the_token;                /* else there are no objects */
    bool more;                        /* objects that were left out */
    uint16_t count;                   /* at most LB_FOUND_MAX */
};

struct found_object {
    char name[LB_NAME_MAX + 1];
    uint32_t version;           /* 0: the active one, whichever that is */
    char type[LB_TYPE_MAX + 1];
    bool certified;
    struct p11uri object;       /* P11_OBJECT and, where there is one, P11_ID */
};

#endif
