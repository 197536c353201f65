/* Key URIs: littlebox:KEY, littlebox:KEY;version=N, littlebox:KEY;version=next, littlebox://BOX/KEY. */
#ifndef LB_MODEL_URI_H
#define LB_MODEL_URI_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/key_name.h"
#include "model/vocabulary.h"

/* Longest URI of ours, in bytes, without the NUL. */
#define LB_URI_MAX 255
#define LB_URI_SCHEME "littlebox"
/* In the place of a version's number. */
#define LB_URI_NEXT "next"

/*
 * RFC 3986 with the authority naming the box. box "" stands for the default box, name "" for the whole box
 * ("littlebox:", "littlebox://BOX/"), version 0 for the current one, KEY_VERSION_NEXT for the
 * next one.
 */
struct key_uri {
    char box[LB_NAME_MAX + 1];
    char name[LB_NAME_MAX + 1];
    uint32_t version;
};

/*
 * Reads a URI. The scheme is case-insensitive (RFC 3986 3.1); ";version=N" with N from 1 or "next" is the only attribute, at
 * most once. LB_E_URI with ret_problem saying which part is wrong and how it should be. Everything that is not exactly
 * of this form is refused, a query and a fragment too.
 */
LB_MUST_USE int uri_parse(const char *uri, struct key_uri *ret, struct problem *ret_problem);

/* A key as the command takes it: "web" or "web;version=3", without scheme or box. Else as uri_parse. */
LB_MUST_USE int uri_parse_key(const char *text, struct key_uri *ret, struct problem *ret_problem);

/* Writes the shortest form into ret (LB_URI_MAX + 1 bytes). */
void uri_format(const struct key_uri *u, char ret[LB_URI_MAX + 1]);

#endif
