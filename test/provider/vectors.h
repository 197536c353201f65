/* Readers of the files in which Debian's packages have test vectors. */
#ifndef LB_TEST_VECTORS_H
#define LB_TEST_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* python3-cryptography-vectors, golang-github-cloudflare-circl-dev */
#define VECTORS_PYTHON "/usr/lib/python3/dist-packages/cryptography_vectors/asymmetric/"
#define VECTORS_CIRCL "/usr/share/gocode/src/github.com/cloudflare/circl/"

/* Called with one value after another, in the order of the file. Strings live until it returns. */
typedef void vector_fn(const char *label, const char *value, void *arg);

/* "LABEL = VALUE", as NIST has it; "[TEXT]" is the value of "section". Ends the test when there is no such file. */
void vectors_nist(const char *path, vector_fn *fn, void *arg);
/* "# LABEL:" and hexadecimal on the lines behind it, as RSA Laboratories has it; another "# TEXT" is a "remark". */
void vectors_rsa(const char *path, vector_fn *fn, void *arg);
/* The strings and numbers of a JSON file under their names; the strings of an array each under that of the array. */
void vectors_json(const char *path, vector_fn *fn, void *arg);
/* Go: LABEL: "VALUE", and LABEL: []byte{ 0x01, 0x02 } as hexadecimal. */
void vectors_go(const char *path, vector_fn *fn, void *arg);
/* Each line as the value of "line", without '#' lines. */
void vectors_lines(const char *path, vector_fn *fn, void *arg);

/* Hexadecimal, upper or lower case, into bytes; freed with free(). */
uint8_t *vectors_hex(const char *text, size_t *ret_len);

#endif
