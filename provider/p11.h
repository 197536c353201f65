/* From a PKCS#11 URI to a key in a box: the boxes are asked which of them it means. */
#ifndef LB_P11_H
#define LB_P11_H

#include <stdbool.h>

#include "base/wire.h"
#include "model/pkcs11_uri.h"
#include "model/uri.h"

struct provctx;

/* What a URI means. With key.name "" a whole token, that is, a box. */
struct p11_found {
    struct key_uri key;
    bool certified; /* the key has certificates */
};

/*
 * Asks all boxes, so it is for the loading of keys and nothing that is done often. A box that does not answer has no
 * part in it, and is spoken of only if no other box has the object.
 *
 * whole_tokens: a URI without object and id that fits several objects of one token means the token.
 *
 * LB_E_NO_BOX: there is none to be asked. LB_E_NO_TOKEN, LB_E_NO_OBJECT: the text says what each box answered.
 * LB_E_AMBIGUOUS: the text lists the candidates, as URIs that name one each. LB_E_UNSUPPORTED: type=data and
 * type=secret-key. LB_E_NOMEM, and what provider_box_names() says.
 */
LB_MUST_USE int p11_find(struct provctx *prov, const struct p11uri *want, bool whole_tokens, struct p11_found *ret,
                         struct problem *p);

/*
 * The certificates on a token that a URI names by their own label or id, where it means no key (LB_E_NO_OBJECT above): a
 * chain in form alone, in answer (LB_PACKET_MAX bytes). ret->len 0: there are none. LB_E_AMBIGUOUS: on several tokens. Or
 * what the box with that token says.
 */
LB_MUST_USE int p11_find_certificates(struct provctx *prov, const struct p11uri *want, uint8_t *answer,
                                      struct bytes *ret, struct problem *p);

/* Does the URI have this type? */
bool p11_is_type(const struct p11uri *want, const char *type);

#endif
