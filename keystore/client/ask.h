/* What a caller asks of a box, one function a message. */
#ifndef LB_CLIENT_ASK_H
#define LB_CLIENT_ASK_H

#include "client/box.h"
#include "model/change.h"
#include "model/description.h"
#include "model/operation.h"
#include "model/vocabulary.h"

/* Bytes that hold any answer but a LIST page. */
#define ASK_ANSWER_MAX 8192

/*
 * All return 0 or the code of p, as box_call() does. The answers' views point into answer.
 */

/* The public half of a key: ret->spki points into answer (ASK_ANSWER_MAX bytes). */
LB_MUST_USE int ask_get(struct box *b, const struct key_ref *key, uint8_t *answer, struct key_info *ret,
                        struct problem *p);

/* The chain of a version (chain_read()), in answer (LB_PACKET_MAX bytes). */
LB_MUST_USE int ask_chain_of(struct box *b, const struct key_ref *key, uint8_t *answer, struct bytes *ret,
                             struct problem *p);

/* A signature into sig (size bytes). LB_E_VALUE when the box sends more than that. */
LB_MUST_USE int ask_sign(struct box *b, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len,
                         struct problem *p);

/* A plaintext into plain (size bytes); no copy of it stays anywhere else. LB_E_VALUE when the box sends more than that. */
LB_MUST_USE int ask_decrypt(struct box *b, const struct decrypt_request *m, uint8_t *plain, size_t size, size_t *ret_len,
                            struct problem *p);

/* The same for a shared secret. */
LB_MUST_USE int ask_derive(struct box *b, const struct derive_request *m, uint8_t *shared, size_t size, size_t *ret_len,
                           struct problem *p);

/* The certificates on the box's token that a PKCS#11 URI names, likewise; none, if it is about another token. */
LB_MUST_USE int ask_certificates(struct box *b, const struct p11uri *want, uint8_t *answer, struct bytes *ret,
                                 struct problem *p);

/*
 * What the box's token is, and which of its objects a PKCS#11 URI means: ret->count entries to be read from ret_entries
 * with msg_found_entry_get(); answer has LB_PACKET_MAX bytes.
 */
LB_MUST_USE int ask_find(struct box *b, const struct p11uri *want, uint8_t *answer, struct found_token *ret,
                         struct wire_reader *ret_entries, struct problem *p);

/*
 * One page of the keys after a name ("": from the first): count entries to be read from ret_entries with
 * msg_list_entry_get(); answer has LB_PACKET_MAX bytes.
 */
LB_MUST_USE int ask_list(struct box *b, const char *after, uint8_t *answer, bool *ret_more, uint16_t *ret_count,
                         struct wire_reader *ret_entries, struct problem *p);

/*
 * Makes a key and gives its public half: ret->spki points into answer (ASK_ANSWER_MAX bytes). Sent once at most; where
 * it cannot be known whether the key was made, p tells the user to look.
 */
LB_MUST_USE int ask_create(struct box *b, const struct create_request *m, uint8_t *answer, struct key_info *ret,
                           struct problem *p);

#endif
