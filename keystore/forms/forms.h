/* What is this text that somebody wants signed: the forms that the purposes of keys are about (model/purpose.h). */
#ifndef LB_FORMS_FORMS_H
#define LB_FORMS_FORMS_H

#include "base/wire.h"
#include "model/purpose.h"

/* The key that is to sign. Both parts belong to the caller and are only read. */
struct form_key {
    struct bytes spki;        /* DER SubjectPublicKeyInfo */
    struct bytes certificate; /* DER of the certificate for this very version; len 0: none is known */
};

/* Room for the longest text of struct form. */
#define FORM_WHAT_SIZE 80

struct form {
    unsigned purpose;          /* one bit of enum purpose; 0: no purpose is for it */
    char what[FORM_WHAT_SIZE]; /* what it is, for people: "a TLS 1.3 client's signature"; never empty, no control characters */
};

/*
 * What the text is, in *ret. A text is of a form when it has that form to its last byte and is of no other form as well:
 *
 *   tls-server  TLS 1.3 CertificateVerify of a server (RFC 8446 4.4.3; RFC 9001 for QUIC and RFC 9147 for DTLS change nothing
 *               about it), the signed part of a TLS 1.2 ServerKeyExchange (RFC 5246 7.4.3, RFC 8422 5.4)
 *   tls-client  TLS 1.3 CertificateVerify of a client, TLS and DTLS 1.2 CertificateVerify (RFC 5246 7.4.8, RFC 6347 4.2.6)
 *   csr         CertificationRequestInfo (RFC 2986 4.1) for key->spki
 *   x509        TBSCertificate (RFC 5280 4.1); with the subject of key->certificate as its issuer where that is known, or
 *               self-issued for key->spki
 *   crl         TBSCertList (RFC 5280 5.1), with the same rule for its issuer
 *   ocsp        ResponseData (RFC 6960 4.2.1), whose responder is the key
 *   cms         signed attributes (RFC 5652 5.4), unless their content type is TSTInfo
 *   timestamp   those (RFC 3161 2.4.2)
 *   ssh         SSHSIG (PROTOCOL.sshsig of OpenSSH), the request of a user who authenticates with key->spki (RFC 4252 7)
 *
 * digest is what the scheme hashes with (enum digest; DIGEST_NONE for schemes over texts). Under DIGEST_MD5_SHA1, which is TLS 1.0
 * and 1.1, no text has a form.
 *
 * A TLS 1.2 ServerKeyExchange begins with 32 octets that the client chose, and 32 that whoever asks chose: a text that can be
 * read so and as another form is of none.
 *
 * Never fails: where libcrypto has no memory, the text is of no form. Leaves OpenSSL's queue of errors as it was. Any thread.
 * Allocates nothing for the forms of handshakes and of SSH.
 */
void form_of(struct bytes text, unsigned digest, const struct form_key *key, struct form *ret);

#endif
