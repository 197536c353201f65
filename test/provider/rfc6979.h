/* RFC 6979 A.2.5 to A.2.7: deterministic ECDSA, the key of each curve and what it signs. */
#ifndef LB_TEST_RFC6979_H
#define LB_TEST_RFC6979_H

/* All numbers are hexadecimal. Both tables end with NULLs. */
struct rfc6979_key {
    const char *group, *d;
};

struct rfc6979_signature {
    const char *group, *digest, *message, *r, *s;
};

extern const struct rfc6979_key rfc6979_keys[];
extern const struct rfc6979_signature rfc6979_signatures[];

#endif
