/*
 * The kinds of seals: the ways into a store. This is the one table of them. What a kind does with its secret is in seals/, in a
 * file of its own, as seal_NAME; a new kind is such a file and a row here.
 */
#ifndef LB_MODEL_SEAL_KINDS_H
#define LB_MODEL_SEAL_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Least bytes of a credential: it is hashed, not stretched, so it must be random. */
#define CREDENTIAL_MIN 32
/*
 * Least bytes of a new passphrase, as in every revision of NIST SP 800-63B. It keeps out what is a slip or a placeholder,
 * and says nothing of the strength of what is longer. Seals that were made with shorter ones open with them still.
 */
#define PASSPHRASE_MIN 8
#define PASSPHRASE_ADVICE "take several words that nobody guesses, 15 characters or more: whoever steals the store may try for years"

/* Where the secret of a seal comes from. */
enum seal_source {
    /* A person types it. At a start nobody is there. */
    SEAL_FROM_PROMPT,
    /* The file that the option names. At a start: the one that BOX.conf names, or that the service manager hands over. */
    SEAL_FROM_FILE,
    /*
     * The box fetches it. The option names the place, a device or a file, and that text is sent where other kinds send the
     * secret; the kind keeps it in the seal's parameters. At a start the kind is asked with an empty secret. The library of a
     * device never runs beside keys: a kind that needs one asks a helper process.
     */
    SEAL_FROM_PLACE
};

/*
 * The table, in the order of the numbers. BETWEEN stands between two rows.
 *
 *   number      in the store, in what is bound to the seal, and in messages: for good
 *   name        in texts, and the label of a seal that is given none
 *   source      of SEAL_FROM_...
 *   unattended  it opens the store at a start, without a person
 *   guessable   the secret is a person's words: the kind stretches it, and the box lets nobody try as fast as he asks
 *   least new   bytes of a secret that a seal is made with
 *   tried       bytes of a secret that is tried
 *   option      of 'littlebox init' and 'seal add', and of 'unlock' unless the secret is asked for; with its help
 */
#define SEAL_KINDS(ROW, BETWEEN)                                                                                      \
    /*  number NAME     name        source  unatt. guess. least new       tried           option, its help */         \
    ROW(1, PASSPHRASE,  passphrase, PROMPT, false, true,  PASSPHRASE_MIN, 1,              "--passphrase",             \
        "seal with a passphrase, which is asked for") BETWEEN                                                         \
    ROW(2, CREDENTIAL,  credential, FILE,   true,  false, CREDENTIAL_MIN, CREDENTIAL_MIN, "--credential",             \
        "a file of random bytes that opens the store")

/* SEAL_PASSPHRASE, SEAL_CREDENTIAL, ... */
#define SEAL_KIND_NUMBER(number, NAME, ...) SEAL_##NAME = number,
enum { SEAL_KINDS(SEAL_KIND_NUMBER, ) SEAL_KIND_END, SEAL_KIND_LAST = SEAL_KIND_END - 1 };
#undef SEAL_KIND_NUMBER

struct seal_kind {
    uint8_t number;
    const char *name;
    enum seal_source source;
    bool unattended, guessable;
    size_t least_new, least_tried;
    const char *option;
    const char *value; /* the word for what stands behind the option; NULL: nothing does */
    const char *help;
};

/* The word for what stands behind the option of a kind whose secret comes from there, and that as usage lines have it. */
#define SEAL_VALUE_PROMPT NULL
#define SEAL_VALUE_FILE "FILE"
#define SEAL_VALUE_PLACE "PATH"
#define SEAL_USAGE_PROMPT ""
#define SEAL_USAGE_FILE " " SEAL_VALUE_FILE
#define SEAL_USAGE_PLACE " " SEAL_VALUE_PLACE

/* All kinds, in the order of the table; ends with number 0. */
extern const struct seal_kind seal_kinds[];
/* NULL: there is no such kind. */
const struct seal_kind *seal_kind_find(unsigned number);
/* The first kind with this source. */
const struct seal_kind *seal_kind_from(enum seal_source source);
/* Whether seals of this kind open the store without a person; false of a number that is no kind. */
bool seal_kind_unattended(unsigned number);
/* "passphrase"; "unknown" for a number that is no kind. */
const char *seal_kind_name(unsigned number);

#endif
