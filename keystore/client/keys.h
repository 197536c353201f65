/* What is in a box and on its token: GET, SHOW, LIST, CERT_GET, FIND, CERT_FIND, HANDLE_LIST. */
#ifndef LB_CLIENT_KEYS_H
#define LB_CLIENT_KEYS_H

#include "client/ask.h"
#include "model/description.h"
#include "model/pkcs11_uri.h"
#include "model/vocabulary.h"

/* The public half of a key: ret->spki points into the answer. */
LB_MUST_USE int ask_get(struct ask *q, const struct key_ref *key, struct key_info *ret, struct problem *p);
LB_MUST_USE int ask_show(struct ask *q, const char *name, struct key_details *ret, struct problem *p);

/* The chain of a version: read it with chain_read(). */
LB_MUST_USE int ask_chain_of(struct ask *q, const struct key_ref *key, struct bytes *ret, struct problem *p);

/*
 * One page of the keys after a name ("": from the first): *ret_count entries to be read from ret_entries with
 * msg_list_entry_get().
 */
LB_MUST_USE int ask_list(struct ask *q, const char *after, bool *ret_more, uint16_t *ret_count,
                         struct wire_reader *ret_entries, struct problem *p);

/* The same of the keys that are for something, with msg_purposes_entry_get(). A box that is older than purposes has none. */
LB_MUST_USE int ask_purposes(struct ask *q, const char *after, bool *ret_more, uint16_t *ret_count,
                             struct wire_reader *ret_entries, struct problem *p);

/* Bytes that hold a request about what a PKCS#11 URI means. */
#define ASK_FIND_REQUEST (P11_ATTRS * (2 + P11_VALUE_MAX) + 256)
/*
 * What the box's token is, and which of its objects the URI means: ret->count entries to be read from ret_entries with
 * msg_found_entry_get().
 */
LB_MUST_USE int ask_find(struct ask *q, const struct p11uri *want, struct found_token *ret,
                         struct wire_reader *ret_entries, struct problem *p);
/* The certificates on the token that the URI names, as a chain; none, if it is about another token. */
LB_MUST_USE int ask_certificates(struct ask *q, const struct p11uri *want, struct bytes *ret, struct problem *p);

/* The files in which the box remembers handles of the key: *ret_count, each of at most LB_PATH_TEXT_MAX bytes. */
LB_MUST_USE int ask_handles(struct ask *q, const char *name, uint16_t *ret_count, struct wire_reader *ret_paths,
                            struct problem *p);

#endif
