/* How long and how many things may be. */
#ifndef LB_MODEL_LIMITS_H
#define LB_MODEL_LIMITS_H

#include "model/key_name.h"

/* Sizes in bytes, all caps checked before anything is copied or allocated. */
#define LB_PACKET_MAX 65536     /* a whole packet, header included */
#define LB_HEADER_SIZE 8        /* of that, in front of every packet */
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
#define LB_DRAIN 86400          /* seconds that a version goes on after another one became current, if nobody says for how long */
#define LB_USERS_MAX 1024       /* processes in one USERS answer */
#define LB_FOUND_MAX 64         /* objects in one FIND answer */
#define LB_PIN_MAX 255          /* of a token */
#define LB_TOKEN_URI_MAX 2048   /* what a token says of itself, as a URI */
/* The schema of stores that this littlebox makes, and the newest that it knows; and where the file's header has both (store/STORE.md). */
#define LB_STORE_SCHEMA 4
#define LB_STORE_APPLICATION 0x4c424f58u /* "LBOX" */
#define LB_STORE_SCHEMA_AT 60            /* four bytes each, big endian */
#define LB_STORE_APPLICATION_AT 68
/* A whole chain as messages and the store carry it: what is left of a packet behind a name and a version. */
#define LB_CHAIN_MAX (LB_PACKET_MAX - LB_HEADER_SIZE - (2 + LB_NAME_MAX) - 4)

#endif
