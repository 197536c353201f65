/* Every message between a caller and a box: one struct each, encode and decode side by side (bytes: PROTOCOL.md). */
#ifndef LB_PROTOCOL_MESSAGE_H
#define LB_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/key_name.h"
#include "model/pkcs11_uri.h"

#define LB_PROTOCOL_VERSION 1

/* Sizes in bytes, all caps checked before anything is copied or allocated. */
#define LB_PACKET_MAX 65536     /* a whole packet, header included */
#define LB_HEADER_SIZE 8
#define LB_TEXT_MAX 16384       /* text or digest in a signature request */
#define LB_CONTEXT_MAX 255      /* context string of a signature (RFC 8032 2, FIPS 204 5.2, FIPS 205 10.2) */
#define LB_SIGNATURE_MAX 49856  /* SLH-DSA-SHA2-256f, FIPS 205 11; RSA-16384 has 2048 */
#define LB_CIPHERTEXT_MAX 2048  /* RSA-16384; what comes out of it is shorter */
#define LB_OAEP_LABEL_MAX 1024
#define LB_SHARED_MAX 66        /* shared secret of a key agreement: P-521 */
#define LB_TLS_PREMASTER 48     /* RFC 5246 7.4.7.1 */
#define LB_SPKI_MAX 4096        /* DER SubjectPublicKeyInfo */
#define LB_HASH_SIZE 32         /* SHA-256 of the SubjectPublicKeyInfo */
#define LB_PRIVATE_MAX 16384    /* DER PrivateKeyInfo of an imported key */
#define LB_SECRET_MAX 4096      /* passphrase or credential */
#define LB_TYPE_MAX 32          /* key type text: "rsa-pss:4096:sha512" */
#define LB_LABEL_MAX 64         /* label of a seal */
#define LB_FORMER_NAMES_MAX 16  /* names that a key had before */
/* All of them, with a blank between two. */
#define LB_FORMER_MAX (LB_FORMER_NAMES_MAX * (LB_NAME_MAX + 1) - 1)
#define LB_VERSIONS_MAX 200     /* versions of a key in one SHOW answer */
#define LB_GRANTS_MAX 256       /* policy entries of one key */
#define LB_SEALS_MAX 16
#define LB_CERTS_MAX 16         /* certificates in the chain of a version */
#define LB_PATH_TEXT_MAX 255    /* a path that is told; longer ones are cut */
#define LB_HANDLES_MAX 64       /* files that handles of one key were written to, which are remembered */
#define LB_FOUND_MAX 64         /* objects in one FIND answer */
#define LB_PIN_MAX 255          /* of a token */
#define LB_TOKEN_URI_MAX 2048   /* what a token says of itself, as a URI */
/* A whole chain as messages and the store carry it: what is left of a packet behind a name and a version. */
#define LB_CHAIN_MAX (LB_PACKET_MAX - LB_HEADER_SIZE - (2 + LB_NAME_MAX) - 4)

/* Message types. An answer has the type of its request with MSG_ANSWER set, or is MSG_ERROR. */
enum msg_type {
    MSG_CHANNEL = 0x0001,     /* one descriptor attached, empty body; never answered */
    MSG_RESET = 0x0002,       /* box to caller, id 0: the child was replaced; send again what was not answered */
    MSG_SIGN = 0x0010,
    MSG_DECRYPT = 0x0011,
    MSG_DERIVE = 0x0012,
    MSG_GET = 0x0020,
    MSG_LIST = 0x0021,
    MSG_SHOW = 0x0022,
    MSG_STATUS = 0x0023,
    MSG_CERT_GET = 0x0024,
    MSG_FIND = 0x0025,
    MSG_TOKEN = 0x0026,
    MSG_TOKEN_LIST = 0x0027,
    MSG_CERT_FIND = 0x0028,
    MSG_CREATE = 0x0030,
    MSG_IMPORT = 0x0031,
    MSG_DESTROY = 0x0032,
    MSG_ALLOW = 0x0033,
    MSG_DENY = 0x0034,
    MSG_CERT_SET = 0x0035,
    MSG_ATTACH = 0x0036,
    MSG_DESTROY_SCHEDULE = 0x0037,
    MSG_DESTROY_CANCEL = 0x0038,
    MSG_RENAME = 0x0039,
    MSG_HANDLE_NOTE = 0x003a,
    MSG_HANDLE_LIST = 0x003b,
    MSG_INIT = 0x0040,
    MSG_SEAL_LIST = 0x0041,
    MSG_SEAL_ADD = 0x0042,
    MSG_SEAL_REMOVE = 0x0043,
    MSG_LOCK = 0x0044,
    MSG_UNLOCK = 0x0045,
    MSG_LOGIN = 0x0046,
    MSG_OPENING = 0x0048,
    MSG_ANSWER = 0x8000,
    MSG_ERROR = 0xffff
};

/* In front of every packet: 'L', version, type u16, id u32. An answer repeats the id of its request. */
struct msg_header {
    uint8_t version;
    uint16_t type;
    uint32_t id;
};

/*
 * States of a version, NIST SP 800-57 Part 1 Rev. 5, 7, and one more: destruction was asked for and is carried out at its
 * time, unless it is cancelled before. Until then the version does nothing.
 */
enum key_state {
    STATE_PRE_ACTIVATION = 1,
    STATE_ACTIVE = 2,
    STATE_DEACTIVATED = 3,
    STATE_COMPROMISED = 4,
    STATE_DESTROYED = 5,
    STATE_DESTROY_SCHEDULED = 6,
    STATE_LAST = STATE_DESTROY_SCHEDULED
};
const char *key_state_name(unsigned state);

/* What may be granted, as bits; requests and the store carry them as u16. */
enum key_op {
    OP_SIGN = 1 << 0,
    OP_DECRYPT = 1 << 1,
    OP_DERIVE = 1 << 2,
    OP_ALL = OP_SIGN | OP_DECRYPT | OP_DERIVE
};
#define OP_COUNT 3
/* "sign", "decrypt", "derive"; "unknown" for anything but one of these bits. */
const char *key_op_name(unsigned op);
/* The bit of that name; 0: there is none. */
unsigned key_op_by_name(const char *name, size_t len);
/* Room for the names of all operations with ',' between them. */
#define OP_NAMES_SIZE 32
/* "sign,decrypt" */
void key_op_names(unsigned ops, char ret[OP_NAMES_SIZE]);

enum subject_kind { SUBJECT_USER = 1, SUBJECT_GROUP = 2 };

/* One policy entry: this uid or gid may do these operations with the key. */
struct grant {
    uint8_t kind; /* enum subject_kind */
    uint32_t id;
    uint16_t ops; /* of enum key_op */
};

/*
 * Which key. version 0 is "the active one". With has_hash the version must have this public key, whatever its number:
 * what a loaded handle always sends, so that a roll-over cannot pair a certificate with another key.
 */
struct key_ref {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    bool has_hash;
    uint8_t hash[LB_HASH_SIZE]; /* SHA-256 of the DER SubjectPublicKeyInfo */
};

/* INPUT_FILE: the text is in a sealed memory file that comes with the packet (base/memfile.h), data is empty. */
enum sign_input { INPUT_DIGEST = 1, INPUT_TEXT = 2, INPUT_FILE = 3 };

/* How to sign, beyond the scheme; bits. */
enum sign_flag {
    SIGN_DETERMINISTIC = 1 << 0, /* ECDSA: RFC 6979; ML-DSA, SLH-DSA: FIPS 204 and 205, no fresh randomness */
    SIGN_RAW_MESSAGE = 1 << 1,   /* ML-DSA, SLH-DSA: the text is M' of FIPS 204 5.2, without its prefix added */
    SIGN_MU = 1 << 2,            /* ML-DSA: the text is the 64 bytes mu of FIPS 204 6.2 */
    SIGN_FLAGS = SIGN_DETERMINISTIC | SIGN_RAW_MESSAGE | SIGN_MU
};

struct msg_sign {
    struct key_ref key;
    uint8_t scheme;       /* enum scheme */
    uint8_t digest;       /* enum digest; DIGEST_NONE for schemes over texts and PKCS#1 over the caller's bytes */
    uint8_t mgf1_digest;  /* RSA-PSS only, else DIGEST_NONE */
    uint16_t salt_len;    /* RSA-PSS only, bytes, else 0 */
    uint8_t flags;        /* of enum sign_flag */
    uint8_t context_len;
    uint8_t context[LB_CONTEXT_MAX];
    uint8_t input;        /* enum sign_input; the box hashes INPUT_TEXT and INPUT_FILE itself */
    struct bytes data;    /* at most LB_TEXT_MAX on the wire */
};

/* There is no "none": raw RSA would undo every padding. */
enum decrypt_padding {
    PADDING_PKCS1 = 1, /* RFC 8017 7.2 */
    PADDING_OAEP = 2,  /* RFC 8017 7.1 */
    PADDING_TLS = 3,   /* RFC 5246 7.4.7.1: a premaster secret, or a random one where padding or version are bad */
    PADDING_LAST = PADDING_TLS
};

struct msg_decrypt {
    struct key_ref key;
    uint8_t padding;             /* enum decrypt_padding */
    uint8_t digest;              /* OAEP: enum digest; else DIGEST_NONE */
    uint8_t mgf1_digest;         /* OAEP, else DIGEST_NONE */
    uint16_t client_version;     /* TLS: what the ClientHello offered, else 0 */
    uint16_t negotiated_version; /* TLS: also taken where it is not 0, for clients that send the wrong one; else 0 */
    struct bytes label;          /* OAEP: at most LB_OAEP_LABEL_MAX; else empty */
    struct bytes data;           /* at most LB_CIPHERTEXT_MAX */
};

struct msg_derive {
    struct key_ref key;
    struct bytes peer; /* DER SubjectPublicKeyInfo of the other side, at most LB_SPKI_MAX */
};

/* One version of a key with its public half: the answer to GET, CREATE and IMPORT. */
struct msg_key {
    char box[LB_NAME_MAX + 1];
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1]; /* "ec:P-256", "rsa:2048" … */
    uint32_t version;
    uint8_t state;
    uint64_t created;     /* seconds since 1970 */
    struct bytes spki;    /* DER SubjectPublicKeyInfo, at most LB_SPKI_MAX */
};

/* LIST asks for the keys after a name ("" for the first) in byte order; the answer says if there are more. */
struct msg_list {
    char after[LB_NAME_MAX + 1];
};

struct list_entry {
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1]; /* of the newest version */
    uint32_t version;           /* the active version; 0: none is */
    uint32_t versions;          /* how many there are, destroyed ones too */
    uint8_t state;              /* of the active, else of the newest version */
    bool damaged;               /* a record of the key does not authenticate */
    uint64_t created;           /* of that version */
    bool certified;             /* the active version has a certificate */
};

/*
 * FIND asks for the objects that a PKCS#11 URI means, by the attributes of P11_OF_TOKEN, P11_OBJECT and P11_ID; CERT_FIND
 * for the certificates on the token, and is answered by a chain, in which they need not belong together.
 */
struct msg_find {
    struct p11uri want;
};

/* The answer: what token the box serves, and if it is the one. Its objects are read one by one. */
struct msg_found {
    char token[LB_TOKEN_URI_MAX + 1]; /* "pkcs11:token=..." */
    bool is_the_token;                /* else there are no objects */
    bool more;                        /* objects that were left out */
    uint16_t count;                   /* at most LB_FOUND_MAX */
};

struct found_entry {
    char name[LB_NAME_MAX + 1];
    uint32_t version;           /* 0: the active one, whichever that is */
    char type[LB_TYPE_MAX + 1];
    bool certified;
    struct p11uri object;       /* P11_OBJECT and, where there is one, P11_ID */
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
    uint64_t used;              /* the last time, seconds since 1970; 0: not as far as is known */
};

/* SHOW: all of a key but its public halves. The arrays belong to whoever filled the struct. */
struct msg_show {
    char name[LB_NAME_MAX + 1];
    char former[LB_FORMER_MAX + 1]; /* names that it had before, with a blank between two; "": none */
    uint16_t version_count;
    struct version_entry versions[LB_VERSIONS_MAX];
    uint16_t grant_count;
    struct grant grants[LB_GRANTS_MAX];
};

enum lock_state { LOCK_NO_STORE = 1, LOCK_LOCKED = 2, LOCK_UNLOCKED = 3 };
const char *lock_state_name(unsigned state);

/* What of the process with the keys is locked in memory, and so never in swap. */
enum memory_state { MEMORY_NOT_LOCKED = 1, MEMORY_SECRETS_LOCKED = 2, MEMORY_ALL_LOCKED = 3 };
#define LB_MEMORY_NO_LIMIT UINT32_MAX
/*
 * What holds of the process with the keys: its system calls are filtered; the kernel keeps it from files, from the
 * network, from abstract sockets and signals to others (Landlock).
 */
enum { SANDBOX_CALLS = 1, SANDBOX_FILES = 2, SANDBOX_NETWORK = 4, SANDBOX_SIGNALS = 8, SANDBOX_ALL = 15 };
enum credential_use {
    CREDENTIAL_UNUSED = 0,
    CREDENTIAL_OPENS = 1,  /* the store: after a restart too */
    CREDENTIAL_REFUSED = 2 /* the file is there, and cannot be used: the log says why */
};

struct msg_status {
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

/* OPENING asks what the box is open by, and what the secret would open. */
struct msg_opening_ask {
    struct bytes secret; /* a credential; empty: what the file has that the box reads at its start. Wipe the packet */
};

/* How the store came to be open. */
enum opened_how {
    OPENED_NOT,        /* it is not */
    OPENED_AT_START,   /* with the credential file, by the box itself */
    OPENED_BY_REQUEST, /* UNLOCK */
    OPENED_AS_NEW      /* INIT */
};

/* What a start finds that has this file. */
enum next_start {
    NEXT_ABSENT,  /* there is no file */
    NEXT_REFUSED, /* it cannot be read, or others get at it: why tells */
    NEXT_WRONG,   /* it opens no seal of this store */
    NEXT_OPENS
};

/* The answer. Texts are without control characters. */
struct msg_opening {
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

struct msg_create {
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1];
};

/*
 * A key that is on the token already becomes a key of the box: found by its id, its label, or both; an empty one fits
 * anything.
 */
struct msg_attach {
    char name[LB_NAME_MAX + 1];
    struct bytes id, label; /* at most P11_VALUE_MAX */
};

/* LOGIN: what a token is opened with. */
struct msg_login {
    struct bytes pin; /* at most LB_PIN_MAX; wipe the packet */
};

/* TOKEN: the token of a box, and how it is. Texts are without control characters. */
struct msg_token {
    bool connected;
    char module[LB_PATH_TEXT_MAX + 1];
    char library[33], label[33], manufacturer[33], model[17], serial[17];
    uint64_t slot;
    uint32_t sessions;      /* open now */
    uint32_t sessions_max;
    uint32_t reconnects;    /* since the box was started */
    struct problem problem; /* why it is not connected; code 0: nothing known */
};

/* TOKEN_LIST asks for the private keys on the token from that place on. */
struct msg_token_list {
    uint32_t from;
};

struct token_entry {
    char key[LB_NAME_MAX + 1];  /* of the box, if it is one; else "" */
    char type[LB_TYPE_MAX + 1]; /* "" where the token does not tell, or a box does not hold it */
    struct bytes id, label;     /* at most P11_VALUE_MAX */
};

struct msg_import {
    char name[LB_NAME_MAX + 1];
    struct bytes pkcs8;   /* DER PrivateKeyInfo, RFC 5208; a secret: wipe the packet */
};

/* DESTROY, DESTROY_SCHEDULE and DESTROY_CANCEL. version 0: the whole key, all versions. */
struct msg_destroy {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
};

/* The answer to DESTROY_SCHEDULE: when. */
struct msg_time {
    uint64_t at; /* seconds since 1970 */
};

struct msg_rename {
    char name[LB_NAME_MAX + 1];
    char to[LB_NAME_MAX + 1];
};

/* A handle of the key was written to this file. */
struct msg_handle_note {
    char name[LB_NAME_MAX + 1];
    char path[LB_PATH_TEXT_MAX + 1]; /* absolute */
};

/* ALLOW adds grant.ops to what the subject has; DENY takes them away. */
struct msg_grant {
    char name[LB_NAME_MAX + 1];
    struct grant grant;
};

/*
 * The chain of a version: u16 count, then that many certificates as bytes<65535>, DER, that of the key first and each
 * next one the issuer of the one before. chain is all of that, of checked form. version 0: the active one; count 0:
 * none any more.
 */
struct msg_cert_set {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    struct bytes chain;
};

enum seal_kind { SEAL_PASSPHRASE = 1, SEAL_CREDENTIAL = 2, SEAL_KIND_LAST = SEAL_CREDENTIAL };
const char *seal_kind_name(unsigned kind);

/* INIT, SEAL_ADD and UNLOCK. UNLOCK ignores the label. */
struct msg_secret {
    uint8_t kind;                 /* enum seal_kind */
    char label[LB_LABEL_MAX + 1];
    struct bytes secret;          /* at most LB_SECRET_MAX; wipe the packet */
};

struct msg_seal_remove {
    uint32_t id;
};

struct seal_entry {
    uint32_t id;
    uint8_t kind;
    char label[LB_LABEL_MAX + 1];
    uint64_t created;
};

/*
 * Bodies. Each encoder writes header and body into buf (size bytes) and gives the length; LB_E_TOO_LONG if it does not
 * fit.
 */
#define MSG_ENCODER(name, type)                                                                            \
    LB_MUST_USE int msg_##name##_encode(uint16_t msg_type, uint32_t id, const type *m, void *buf, size_t size, \
                                        size_t *ret_len)
/* Each decoder takes the body behind the header; views point into it. CUT_OFF, TRAILING, TOO_LONG, VALUE, NAME. */
#define MSG_DECODER(name, type) LB_MUST_USE int msg_##name##_decode(struct bytes body, type *ret)

/*
 * Splits a packet. LB_E_CUT_OFF below 8 bytes, LB_E_VALUE when it does not begin with 'L', LB_E_PROTOCOL_VERSION for
 * another version; ret is filled in the last case too, so that the refusal can carry the caller's id.
 */
LB_MUST_USE int msg_split(const void *packet, size_t len, struct msg_header *ret, struct bytes *ret_body);

/* An empty body: CHANNEL, RESET, STATUS, LOCK, SEAL_LIST, and the answers to those that only succeed. */
LB_MUST_USE int msg_empty_encode(uint16_t msg_type, uint32_t id, void *buf, size_t size, size_t *ret_len);
LB_MUST_USE int msg_empty_decode(struct bytes body);

MSG_ENCODER(error, struct problem);
MSG_DECODER(error, struct problem);
MSG_ENCODER(sign, struct msg_sign);
MSG_DECODER(sign, struct msg_sign);
MSG_ENCODER(decrypt, struct msg_decrypt);
MSG_DECODER(decrypt, struct msg_decrypt);
MSG_ENCODER(derive, struct msg_derive);
MSG_DECODER(derive, struct msg_derive);
/* The answer to SIGN, DECRYPT and DERIVE. */
MSG_ENCODER(bytes, struct bytes);
MSG_DECODER(bytes, struct bytes);
/*
 * The same answer without a copy: where in buf (size bytes) its bytes go, and how many fit; then the packet around len
 * of them. size is at least LB_HEADER_SIZE + 2.
 */
uint8_t *msg_bytes_place(void *buf, size_t size, size_t *ret_room);
LB_MUST_USE int msg_bytes_finish(uint16_t msg_type, uint32_t id, size_t len, void *buf, size_t size, size_t *ret_len);
MSG_ENCODER(key_ref, struct key_ref);
MSG_DECODER(key_ref, struct key_ref);
MSG_ENCODER(key, struct msg_key);
MSG_DECODER(key, struct msg_key);
MSG_ENCODER(list, struct msg_list);
MSG_DECODER(list, struct msg_list);
MSG_ENCODER(find, struct msg_find);
MSG_DECODER(find, struct msg_find);
MSG_ENCODER(token, struct msg_token);
MSG_DECODER(token, struct msg_token);
MSG_ENCODER(token_list, struct msg_token_list);
MSG_DECODER(token_list, struct msg_token_list);
MSG_ENCODER(attach, struct msg_attach);
MSG_DECODER(attach, struct msg_attach);
MSG_ENCODER(login, struct msg_login);
MSG_DECODER(login, struct msg_login);
MSG_ENCODER(opening_ask, struct msg_opening_ask);
MSG_DECODER(opening_ask, struct msg_opening_ask);
MSG_ENCODER(opening, struct msg_opening);
MSG_DECODER(opening, struct msg_opening);
MSG_ENCODER(show, struct msg_show);
MSG_DECODER(show, struct msg_show);
MSG_ENCODER(status, struct msg_status);
MSG_DECODER(status, struct msg_status);
MSG_ENCODER(create, struct msg_create);
MSG_DECODER(create, struct msg_create);
MSG_ENCODER(import, struct msg_import);
MSG_DECODER(import, struct msg_import);
MSG_ENCODER(destroy, struct msg_destroy);
MSG_DECODER(destroy, struct msg_destroy);
MSG_ENCODER(time, struct msg_time);
MSG_DECODER(time, struct msg_time);
MSG_ENCODER(rename, struct msg_rename);
MSG_DECODER(rename, struct msg_rename);
MSG_ENCODER(handle_note, struct msg_handle_note);
MSG_DECODER(handle_note, struct msg_handle_note);
MSG_ENCODER(grant, struct msg_grant);
MSG_DECODER(grant, struct msg_grant);
MSG_ENCODER(cert_set, struct msg_cert_set);
MSG_DECODER(cert_set, struct msg_cert_set);
/* CERT_GET's answer: a chain. */
MSG_ENCODER(chain, struct bytes);
MSG_DECODER(chain, struct bytes);
MSG_ENCODER(secret, struct msg_secret);
MSG_DECODER(secret, struct msg_secret);
MSG_ENCODER(seal_remove, struct msg_seal_remove);
MSG_DECODER(seal_remove, struct msg_seal_remove);

/* The request of SHOW and HANDLE_LIST: a name alone. */
struct msg_name {
    char name[LB_NAME_MAX + 1];
};
MSG_ENCODER(name, struct msg_name);
MSG_DECODER(name, struct msg_name);

/*
 * Answers that are lists are built and read entry by entry. LIST: bool more, u16 count, entries; a page is filled
 * until an entry no longer fits. SEAL_LIST: u16 count, entries. HANDLE_LIST: u16 count, paths.
 */
void msg_list_entry_put(struct wire_writer *w, const struct list_entry *e);
void msg_list_entry_get(struct wire_reader *r, struct list_entry *ret);
/* TOKEN_LIST: bool more, u16 count, entries. */
void msg_token_entry_put(struct wire_writer *w, const struct token_entry *e);
void msg_token_entry_get(struct wire_reader *r, struct token_entry *ret);
/* FIND: what comes before the entries, then count of these. */
void msg_found_put(struct wire_writer *w, const struct msg_found *m);
void msg_found_get(struct wire_reader *r, struct msg_found *ret);
void msg_found_entry_put(struct wire_writer *w, const struct found_entry *e);
void msg_found_entry_get(struct wire_reader *r, struct found_entry *ret);
void msg_seal_entry_put(struct wire_writer *w, const struct seal_entry *e);
void msg_seal_entry_get(struct wire_reader *r, struct seal_entry *ret);
/*
 * A chain certificate by certificate: count, and a reader that gives that many with wire_get_bytes(). Of bytes that are
 * no chain (VALUE, TOO_LONG ...) the count is 0.
 */
LB_MUST_USE int msg_chain_read(struct bytes chain, unsigned *ret_count, struct wire_reader *ret);
/* Header alone, for answers built by hand. */
void msg_header_put(struct wire_writer *w, uint16_t msg_type, uint32_t id);
/* A grant as the store's associated data and SHOW write it. */
void msg_grant_put(struct wire_writer *w, const struct grant *g);

#endif
