/* What changes a key: CREATE, IMPORT, ATTACH, DESTROY, RENAME, ALLOW, DENY, CERT_SET, HANDLE_NOTE. */
#ifndef LB_CLIENT_CHANGE_H
#define LB_CLIENT_CHANGE_H

#include "client/ask.h"
#include "model/change.h"
#include "model/description.h"

/* Makes a key, and gives its public half: ret->spki points into the answer. */
LB_MUST_USE int ask_create(struct ask *q, const struct create_request *m, struct key_info *ret, struct problem *p);
/* The same of a key that is in a file, and of one that is on the box's token. */
LB_MUST_USE int ask_import(struct ask *q, const struct import_request *m, struct key_info *ret, struct problem *p);
LB_MUST_USE int ask_attach(struct ask *q, const struct attach_request *m, struct key_info *ret, struct problem *p);
LB_MUST_USE int ask_destroy(struct ask *q, const struct destroy_request *m, struct problem *p);
/* To be destroyed at *ret_at, seconds since 1970, unless that is cancelled before. */
LB_MUST_USE int ask_schedule_destroy(struct ask *q, const struct destroy_request *m, uint64_t *ret_at, struct problem *p);
LB_MUST_USE int ask_cancel_destroy(struct ask *q, const struct destroy_request *m, struct problem *p);
LB_MUST_USE int ask_rename(struct ask *q, const struct rename_request *m, struct problem *p);
/* LB_E_MESSAGE: the box is older, and knows no purposes. */
LB_MUST_USE int ask_purpose(struct ask *q, const struct purpose_request *m, struct problem *p);
/* type: MSG_ALLOW or MSG_DENY. */
LB_MUST_USE int ask_grant(struct ask *q, uint16_t type, const struct grant_request *m, struct problem *p);
LB_MUST_USE int ask_set_chain(struct ask *q, const struct chain_request *m, struct problem *p);
/* The box is to remember that a handle of the key is in this file. */
LB_MUST_USE int ask_note_handle(struct ask *q, const struct handle_note *m, struct problem *p);

#endif
