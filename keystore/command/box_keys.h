/* Which keys a box has, by their public halves and their names, for commands that bring many: read once, and kept up. */
#ifndef LB_COMMAND_BOX_KEYS_H
#define LB_COMMAND_BOX_KEYS_H

#include <openssl/evp.h>

#include "command/client.h"
#include "command/key_hashes.h"

struct box_keys;

/*
 * The names of one answer of LIST, of the keys behind after; freed with free(), on failure too. *ret_more: there are others
 * behind the last.
 */
LB_MUST_USE int boxkeys_names(struct client *c, const char *after, char (**ret)[LB_NAME_MAX + 1], uint16_t *ret_count,
                               bool *ret_more, struct problem *p);

/* As ask_list() and ask_show() fail; LB_E_NOMEM. */
LB_MUST_USE int boxkeys_load(struct client *c, struct box_keys **ret, struct problem *p);
void boxkeys_free(struct box_keys *k);

enum boxkeys_claim {
    CLAIM_NEW,       /* the box has neither the key nor the name, and from now on both count as there */
    CLAIM_HAS,       /* it has this key */
    CLAIM_SCHEDULED, /* it has this key, which is to be destroyed */
    CLAIM_NAME       /* another key has the name, or had it */
};
/* The key that the box has of that public half. */
struct boxkeys_twin {
    char name[LB_NAME_MAX + 1];
    uint32_t version; /* 0: it came in this run */
};
/* Any number of threads at once, as boxkeys_unclaim(). LB_E_NOMEM, else an enum boxkeys_claim. */
LB_MUST_USE int boxkeys_claim(struct box_keys *k, const struct key_hashes *hashes, const char *name, struct boxkeys_twin *ret,
                              struct problem *p);
/* Refuses what is not new. LB_E_EXISTS. */
int boxkeys_refuse(const struct client *c, enum boxkeys_claim claim, const char *name, const struct boxkeys_twin *twin,
                   struct problem *p);
/* What CLAIM_NEW claimed did not come into the box. */
void boxkeys_unclaim(struct box_keys *k, const struct key_hashes *hashes, const char *name);

#endif
