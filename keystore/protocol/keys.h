/* Messages about keys: GET, LIST, SHOW, FIND. */
#ifndef LB_PROTOCOL_KEYS_H
#define LB_PROTOCOL_KEYS_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"

/* LIST asks for the keys after a name ("" for the first) in byte order; the answer says if there are more. */
struct msg_list {
    char after[LB_NAME_MAX + 1];
};

/* The request of SHOW and HANDLE_LIST: a name alone. */
struct msg_name {
    char name[LB_NAME_MAX + 1];
};

/*
 * FIND asks for the objects that a PKCS#11 URI means, by the attributes of P11_OF_TOKEN, P11_OBJECT and P11_ID; CERT_FIND
 * for the certificates on the token, and is answered by a chain, in which they need not belong together.
 */
struct msg_find {
    struct p11uri want;
};

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_key_ref_encode(uint16_t msg_type, uint32_t id, const struct key_ref *m, void *buf, size_t size,
                                   size_t *ret_len);
LB_MUST_USE int msg_key_ref_decode(struct bytes body, struct key_ref *ret);
LB_MUST_USE int msg_key_encode(uint16_t msg_type, uint32_t id, const struct key_info *m, void *buf, size_t size,
                               size_t *ret_len);
LB_MUST_USE int msg_key_decode(struct bytes body, struct key_info *ret);
LB_MUST_USE int msg_list_encode(uint16_t msg_type, uint32_t id, const struct msg_list *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_list_decode(struct bytes body, struct msg_list *ret);
/* LIST's answer is built and read entry by entry: bool more, u16 count, entries; a page is filled until one does not fit. */
void msg_list_entry_put(struct wire_writer *w, const struct key_entry *e);
void msg_list_entry_get(struct wire_reader *r, struct key_entry *ret);
/* PURPOSES's likewise; its request is LIST's. */
void msg_purposes_entry_put(struct wire_writer *w, const struct purposes_entry *e);
void msg_purposes_entry_get(struct wire_reader *r, struct purposes_entry *ret);
LB_MUST_USE int msg_show_encode(uint16_t msg_type, uint32_t id, const struct key_details *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_show_decode(struct bytes body, struct key_details *ret);
LB_MUST_USE int msg_name_encode(uint16_t msg_type, uint32_t id, const struct msg_name *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_name_decode(struct bytes body, struct msg_name *ret);
LB_MUST_USE int msg_find_encode(uint16_t msg_type, uint32_t id, const struct msg_find *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_find_decode(struct bytes body, struct msg_find *ret);
/* FIND's answer: what comes before the entries, then count of these. */
void msg_found_put(struct wire_writer *w, const struct found_token *m);
void msg_found_get(struct wire_reader *r, struct found_token *ret);
void msg_found_entry_put(struct wire_writer *w, const struct found_object *e);
void msg_found_entry_get(struct wire_reader *r, struct found_object *ret);

#endif
