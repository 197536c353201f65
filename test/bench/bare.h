/* What the bare daemon and its provider, yardsticks of benchmarks, say to each other. */
#ifndef LB_BENCH_BARE_H
#define LB_BENCH_BARE_H

/*
 * A request is the number of a key, one byte, and what is signed: with RSA and EC a digest by SHA-256, with Ed25519 a text. The
 * answer is the signature. A connection has one request on its way.
 */
enum bare_key { BARE_RSA, BARE_EC, BARE_ED25519, BARE_KEYS };

#define BARE_REQUEST_MAX 1024
#define BARE_SIGNATURE_MAX 512

#endif
