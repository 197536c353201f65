/* FIPS 204, deterministic, with contexts: keys by their seeds, public keys and signatures by their SHA-256. */
#ifndef LB_TEST_FIPS204_H
#define LB_TEST_FIPS204_H

/* All but the algorithm is hexadecimal; ends with NULLs. */
struct fips204_signature {
    const char *algorithm, *seed, *message, *context, *public_hash, *hash;
};

extern const struct fips204_signature fips204_signatures[];

#endif
