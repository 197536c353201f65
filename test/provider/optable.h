/* The table of operations: rows of (operation, key types, options) that are run, and written into the manual. */
#ifndef LB_TEST_OPTABLE_H
#define LB_TEST_OPTABLE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>

#include "crypto.h"

/* One option with one value: "digest:SHA2-256". */
struct option {
    char name[32], value[160];
};

/* What one run of a row is about. */
struct run {
    OSSL_LIB_CTX *libctx;
    const char *name;       /* of the key in the box */
    EVP_PKEY *key, *plain;  /* the handle, and its public half in a context that does not know us */
    const char *digest;     /* the option "digest"; NULL: none */
    struct option options[8];
    unsigned option_count;  /* of all options, "digest" too */
    bool first;             /* of the runs with this key */
};

struct row {
    const char *operation;
    const char *types;      /* labels of key types (struct key_type), separated by commas */
    const char *options;    /* "name:value|value name:value": each value is run; NULL: none */
    unsigned since;         /* the OpenSSL that has it, as OpenSSL_version_num() says it; 0: any */
    const char *note;       /* for the manual; NULL: none */
    bool (*run)(struct run *r);
    const char *refusal;    /* what the provider says where OpenSSL is older; NULL: the row is not run there */
};

struct key_type {
    const char *label;      /* in the manual */
    const char *name;       /* in the box */
    const char *type;       /* of littlebox create */
    unsigned since;
};

/* "NULL" ends both. */
extern const struct row rows[];
extern const struct key_type key_types[];

/* The value of an option; NULL: the row has no such option. */
const char *option_value(const struct run *r, const char *name);
/* Sets all but "digest" and those whose name begins with '-', which are for the row's function alone. */
bool options_apply(const struct run *r, EVP_PKEY_CTX *ctx);

/* Runs a row with every key and every choice of values; counts what was run. Says on stderr what failed. */
bool row_run(const struct row *row, OSSL_LIB_CTX *const contexts[2], unsigned *ret_runs);

/* The table as the manual has it: troff, for tbl(1). */
void table_write(FILE *out);
/* Compares it with the part of the manual between its marks; or puts it there. */
bool table_is_in(const char *page);
bool table_put_into(const char *page);

/* rows, by file */
bool sign_texts(struct run *r);
bool sign_one_text(struct run *r);
bool sign_long_text(struct run *r);
bool sign_digests(struct run *r);
bool sign_by_name(struct run *r);
bool sign_same_twice(struct run *r);
bool sign_certificates(struct run *r);
bool sign_messages(struct run *r);
bool decrypt_texts(struct run *r);
bool decrypt_messages(struct run *r);
bool derive_secrets(struct run *r);
bool generate_keys(struct run *r);
bool write_public(struct run *r);
bool write_handles(struct run *r);
bool write_texts(struct run *r);
bool handshakes(struct run *r);
bool refuses_export(struct run *r);

#endif
