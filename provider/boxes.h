/* The boxes of a provider: found as its settings say. */
#ifndef LB_BOXES_H
#define LB_BOXES_H

#include <stddef.h>

#include "base/errors.h"
#include "model/key_name.h"

struct box;
struct provctx;

/*
 * The box of that name, "" for the configured default, which lives as long as the provider. Connects to nothing. Reports a
 * wrong setting of the provider (LB_E_CONFIG), and what boxes_find() says (client/boxes.h).
 */
LB_MUST_USE int provider_box(struct provctx *prov, const char *name, struct box **ret, struct problem *p);

/* As boxes_visit() and boxes_names(). */
LB_MUST_USE int provider_visit(struct provctx *prov, const char *name, struct box **ret, struct problem *p);
LB_MUST_USE int provider_box_names(struct provctx *prov, char (**ret)[LB_NAME_MAX + 1], size_t *ret_count,
                                   struct problem *p);

#endif
