/* From a PKCS#11 URI to a key in a box: the boxes are asked which of them it means. */
#include "boxes.h"
#include "p11.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/box.h"
#include "client/boxes.h"
#include "client/keys.h"
#include "model/chain.h"
#include "protocol/keys.h"

/* Longest URI, and longest words of a box, in the text of an error. struct problem has room for all of them. */
#define SHORT_URI 120
#define SHORT_TEXT 100
/* What people know a token by. */
#define OF_PEOPLE (P11_BIT(P11_TOKEN) | P11_BIT(P11_MANUFACTURER) | P11_BIT(P11_MODEL) | P11_BIT(P11_SERIAL))

/* The answers of all boxes, and what there is to say of them. */
struct look {
    struct provctx *prov;
    const struct p11uri *want;
    uint8_t *answer; /* LB_PACKET_MAX bytes */
    struct p11_found first;
    size_t objects, tokens, boxes, untold, unanswered; /* the last two: what candidates and answers have no room for */
    char token_box[LB_NAME_MAX + 1];                   /* the last one that has the token */
    char candidates[220], answers[220];
};

bool p11_is_type(const struct p11uri *want, const char *type)
{
    const struct p11_value *v = &want->a[P11_TYPE];

    return v->set && v->len == strlen(type) && memcmp(v->bytes, type, v->len) == 0;
}

/* Appends to a list, ", " between. False: there is no room, and nothing was appended. */
static bool LB_PRINTF(3, 4) add(char *list, size_t size, const char *fmt, ...)
{
    size_t len = strlen(list);
    va_list ap;
    int n;

    if (len > 0)
        len += (size_t)snprintf(list + len, size - len, ", ");
    if (len >= size) {
        list[size - 1] = '\0';
        return false;
    }
    va_start(ap, fmt);
    n = vsnprintf(list + len, size - len, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < size - len)
        return true;
    list[len > 1 ? len - 2 : 0] = '\0';
    return false;
}

#define ADD(list, ...) add((list), sizeof(list), __VA_ARGS__)

/* Writes a URI, cut off where there is no more room; dots show that. */
static void short_uri(const struct p11uri *u, unsigned of, char ret[SHORT_URI])
{
    static const char dots[] = "...";

    if (!p11uri_format(u, of, ret, SHORT_URI - strlen(dots)))
        strcat(ret, dots);
}

static void note_object(struct look *l, const char *box, const struct found_object *e)
{
    char object[SHORT_URI], uri[LB_URI_MAX + 1];
    struct p11_found found = { .key.version = e->version, .certified = e->certified };

    snprintf(found.key.box, sizeof(found.key.box), "%s", box);
    snprintf(found.key.name, sizeof(found.key.name), "%s", e->name);
    if (l->objects++ == 0)
        l->first = found;
    uri_format(&found.key, uri);
    short_uri(&e->object, P11_OF_OBJECT, object);
    if (l->untold > 0 || !ADD(l->candidates, "%s (%s)", uri, object + strlen(LB_P11_SCHEME ":")))
        l->untold++;
}

/* All or none of an answer. */
static int read_objects(struct look *l, const char *box, const struct found_token *found, struct wire_reader entries)
{
    struct wire_reader check = entries;
    struct found_object e;
    int r;

    for (unsigned i = 0; i < found->count && check.error == 0; i++)
        msg_found_entry_get(&check, &e);
    r = wire_end(&check);
    if (r != 0)
        return r;
    for (unsigned i = 0; i < found->count; i++) {
        msg_found_entry_get(&entries, &e);
        note_object(l, box, &e);
    }
    if (found->more) {
        l->objects++;
        l->untold++;
    }
    return 0;
}

/* The text for a token, from the URI that its box tells, with what people need. */
static void token_text(const char *uri, char ret[SHORT_URI])
{
    struct p11uri token;
    struct problem ignored;

    if (p11uri_parse(uri, &token, &ignored) != 0)
        snprintf(ret, SHORT_URI, "a token of which it tells nothing that can be read");
    else if (!p11uri_has(&token, P11_OF_TOKEN))
        snprintf(ret, SHORT_URI, "a token that is away");
    else
        short_uri(&token, OF_PEOPLE, ret);
}

static void note_answer(struct look *l, bool told)
{
    if (!told)
        l->unanswered++;
}

static void ask_box(struct look *l, const char *name)
{
    uint8_t request[ASK_FIND_REQUEST];
    char token[SHORT_URI];
    struct wire_reader entries;
    struct found_token found;
    struct box_ask q;
    struct box *box = NULL;
    struct problem p;
    int r = provider_visit(l->prov, name, &box, &p);

    if (r == 0)
        r = ask_find(box_ask(&q, box, request, sizeof(request), l->answer, LB_PACKET_MAX), l->want, &found, &entries, &p);
    if (r == 0 && (found.is_the_token ? read_objects(l, name, &found, entries) : wire_end(&entries)) != 0)
        r = problem_set(&p, LB_E_VALUE, "box '%s' sent a malformed list of objects", name);
    if (box != NULL)
        box_leave(box);
    l->boxes++;
    if (r != 0) {
        bool whole = strlen(p.text) < SHORT_TEXT;

        note_answer(l, ADD(l->answers, "%.*s%s", whole ? SHORT_TEXT : SHORT_TEXT - 4, p.text, whole ? "" : "..."));
        return;
    }
    if (found.is_the_token) {
        l->tokens++;
        snprintf(l->token_box, sizeof(l->token_box), "%s", name);
    }
    token_text(found.token, token);
    note_answer(l, ADD(l->answers, "box '%s' has %s%s", name, found.is_the_token ? "no such object on " : "", token));
}

static int ask_boxes(struct look *l, struct problem *p)
{
    char (*names)[LB_NAME_MAX + 1] = NULL;
    size_t count = 0;
    int r = provider_box_names(l->prov, &names, &count, p);

    for (size_t i = 0; r == 0 && i < count; i++)
        ask_box(l, names[i]);
    OPENSSL_free(names);
    return r;
}

static int refuse_none(const struct look *l, const char *uri, struct problem *p)
{
    char more[32] = "";

    if (l->unanswered > 0)
        snprintf(more, sizeof(more), ", and %zu more", l->unanswered);
    if (l->boxes == 0) {
        problem_set(p, LB_E_NO_BOX, "there is no box that could have '%s'", uri);
        problem_hint(p, "start one with that token: 'backend = pkcs11' in littlebox.conf(5); littlebox-directory in "
                        "openssl.cnf is where their sockets are");
        return LB_E_NO_BOX;
    }
    if (l->tokens == 0) {
        problem_set(p, LB_E_NO_TOKEN, "no box has the token of '%s': %s%s", uri, l->answers, more);
        problem_hint(p, "start a box with that token, or correct the URI");
        return LB_E_NO_TOKEN;
    }
    problem_set(p, LB_E_NO_OBJECT, "no box has the object of '%s': %s%s", uri, l->answers, more);
    problem_hint(p, "the keys of a box: littlebox --box %s list", l->token_box);
    return LB_E_NO_OBJECT;
}

static int refuse_several(const struct look *l, const char *uri, struct problem *p)
{
    if (l->untold > 0)
        problem_set(p, LB_E_AMBIGUOUS, "'%s' fits several keys: %s and more", uri, l->candidates);
    else
        problem_set(p, LB_E_AMBIGUOUS, "'%s' fits several keys: %s", uri, l->candidates);
    problem_hint(p, "say which: with one of these URIs, or with object, id, token or serial in the PKCS#11 URI");
    return LB_E_AMBIGUOUS;
}

int p11_find(struct provctx *prov, const struct p11uri *want, bool whole_tokens, struct p11_found *ret,
             struct problem *p)
{
    static const char *const others[] = { "data", "secret-key" };
    struct look l = { .prov = prov, .want = want };
    char uri[SHORT_URI];
    int r;

    short_uri(want, P11_ALL, uri);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (p11_is_type(want, others[i]))
            return problem_set(p, LB_E_UNSUPPORTED, "type=%s: a box gives out private keys, public keys and "
                                                    "certificates only", others[i]);
    }
    l.answer = OPENSSL_malloc(LB_PACKET_MAX);
    if (l.answer == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    r = ask_boxes(&l, p);
    OPENSSL_free(l.answer);
    if (r != 0)
        return r;
    if (l.objects == 1) {
        *ret = l.first;
        return 0;
    }
    if (whole_tokens && l.tokens == 1 && !p11uri_has(want, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID))) {
        memset(ret, 0, sizeof(*ret));
        snprintf(ret->key.box, sizeof(ret->key.box), "%s", l.token_box);
        return 0;
    }
    return l.objects == 0 ? refuse_none(&l, uri, p) : refuse_several(&l, uri, p);
}

/* One box's, into answer. */
static int ask_box_certificates(struct provctx *prov, const char *name, const struct p11uri *want, uint8_t *answer,
                                struct bytes *ret, struct problem *p)
{
    uint8_t request[ASK_FIND_REQUEST];
    struct box_ask q;
    struct box *box = NULL;
    int r = provider_visit(prov, name, &box, p);

    if (r == 0)
        r = ask_certificates(box_ask(&q, box, request, sizeof(request), answer, LB_PACKET_MAX), want, ret, p);
    if (box != NULL)
        box_leave(box);
    return r;
}

/* Is the refusal one of a box with that token? Other boxes have nothing to say of it. */
static bool is_of_token(int code)
{
    return code == LB_E_TOKEN || code == LB_E_NO_TOKEN || code == LB_E_PIN || code == LB_E_BUSY ||
           code == LB_E_AMBIGUOUS;
}

int p11_find_certificates(struct provctx *prov, const struct p11uri *want, uint8_t *answer, struct bytes *ret,
                          struct problem *p)
{
    uint8_t *other = OPENSSL_malloc(LB_PACKET_MAX);
    char (*names)[LB_NAME_MAX + 1] = NULL;
    const char *first = NULL;
    char uri[SHORT_URI];
    size_t boxes = 0;
    int r = other == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : provider_box_names(prov, &names, &boxes, p);
    int failed = 0;

    *ret = (struct bytes){ NULL, 0 };
    for (size_t i = 0; r == 0 && i < boxes; i++) {
        struct wire_reader certificates;
        struct bytes chain;
        struct problem why;
        unsigned count = 0;
        int asked = ask_box_certificates(prov, names[i], want, first == NULL ? answer : other, &chain, &why);

        if (asked != 0 && is_of_token(asked)) {
            *p = why;
            failed = asked;
        }
        if (asked != 0 || chain_read(chain, &count, &certificates) != 0 || count == 0)
            continue;
        if (first != NULL) {
            short_uri(want, P11_ALL, uri);
            r = problem_set(p, LB_E_AMBIGUOUS, "certificates of '%s' are on the tokens of box '%s' and of box '%s'", uri,
                            first, names[i]);
            problem_hint(p, "say which: with token or serial in the PKCS#11 URI");
        } else {
            *ret = chain;
            first = names[i];
        }
    }
    OPENSSL_free(names);
    OPENSSL_free(other);
    return r != 0 || first != NULL ? r : failed;
}
