/* Providers outlive OPENSSL_cleanup(), for what a program frees after it. */
#ifndef LB_OUTLIVE_H
#define LB_OUTLIVE_H

#include <stdbool.h>

#include "base/errors.h"

struct provctx;

/*
 * Objects of a program hold their provider: keys, certificates, an SSL_CTX. Where the last of them is freed after
 * OPENSSL_cleanup(), because a global object has it, libcrypto would end the provider then, and take our reason strings off
 * a table whose lock is gone: the program crashes, at each exit. So OPENSSL_cleanup() finds one more reference to each
 * provider that is still there, which nobody gives back. Nothing runs late but the release of the objects themselves, and
 * what they need is still there. Memory checkers see what stays as reachable.
 *
 * Since OpenSSL 4.0 OPENSSL_cleanup() only says that libcrypto's destructor is to do this, which runs behind all those that
 * could free anything: nothing is done there.
 *
 * Called once a provider, when it can be used. Any thread. False: out of memory.
 */
LB_MUST_USE bool outlive_cleanup(struct provctx *prov);

/* It is being torn down; fine for one that never came so far. */
void outlive_forget(struct provctx *prov);

#endif
