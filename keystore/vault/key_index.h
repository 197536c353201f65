/* Which keys of a ring a term leads to. A term is the subject of a grant, or what a token calls an object. */
#ifndef LB_VAULT_KEY_INDEX_H
#define LB_VAULT_KEY_INDEX_H

#include <stddef.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"
#include "model/vocabulary.h"

struct boxkey;

/* Bytes that are compared as a whole. The longest: an object's label and its id. */
struct term {
    size_t len;
    uint8_t bytes[2 + 2 * P11_VALUE_MAX];
};

/* The user or group that a grant is for, whatever operations it allows. */
void term_of_grant(const struct grant *g, struct term *ret);
/* A key name. */
void term_of_name(const char *name, struct term *ret);
/* An object of this label, of this id, or of both. One of them may be NULL or not set: it does not matter then. */
void term_of_object(const struct p11_value *label, const struct p11_value *id, struct term *ret);

/* Keys by name, and those of one name by their address. */
struct keylist {
    struct boxkey **keys;
    size_t count, size;
};

/*
 * A table of terms, each with the list of its keys. A look-up costs the same however many terms there are. The keys belong
 * to others, and keep their names while they are in the table.
 */
struct keyindex {
    struct keyterm **slots;
    size_t slot_count, terms;
};

/* Adds a key under a term. A key that is there already stays there once. LB_E_NOMEM: nothing changed. */
LB_MUST_USE int keyindex_add(struct keyindex *x, const struct term *term, struct boxkey *k);
/* Nothing, if it is not there. */
void keyindex_remove(struct keyindex *x, const struct term *term, struct boxkey *k);
/* The keys under a term; NULL: there are none. Good until the index changes. */
const struct keylist *keyindex_find(const struct keyindex *x, const struct term *term);
/* Forgets all: the index is as new. */
void keyindex_clear(struct keyindex *x);

/* The place of the first key whose name is behind name. */
size_t keylist_after(const struct keylist *l, const char *name);

#endif
