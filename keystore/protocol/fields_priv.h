/* Fields that several messages share. */
#ifndef LB_PROTOCOL_FIELDS_PRIV_H
#define LB_PROTOCOL_FIELDS_PRIV_H

#include "base/errors.h"
#include "base/wire.h"
#include "model/vocabulary.h"

/* A refused field fails the reader. */
void field_get_name(struct wire_reader *r, char ret[LB_NAME_MAX + 1]);
/* One of first to last. */
uint8_t field_get_enum(struct wire_reader *r, unsigned first, unsigned last);
void field_get_hash(struct wire_reader *r, uint8_t ret[LB_HASH_SIZE]);
void field_put_ref(struct wire_writer *w, const struct key_ref *k);
void field_get_ref(struct wire_reader *r, struct key_ref *ret);
void field_get_grant(struct wire_reader *r, struct grant *ret);
/* Purposes behind a body: nothing, where they are any. So older boxes and callers read what does not need newer ones. */
void field_put_purposes(struct wire_writer *w, uint16_t purposes);
uint16_t field_get_purposes(struct wire_reader *r);
void field_put_problem(struct wire_writer *w, const struct problem *p);
void field_get_problem(struct wire_reader *r, struct problem *ret);

/* A chain (model/change.h, struct chain_request), which is the rest of the body. */
void field_get_chain(struct wire_reader *r, struct bytes *ret);

#endif
