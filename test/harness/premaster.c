/* A TLS 1.2 client with RSA key exchange that sends a premaster secret of a chosen kind, and says what comes back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * What Bleichenbacher's attack sends (RFC 5246 7.4.7.1): a server that answers one kind of bad secret in another way
 * than the others tells what it decrypts. Prints one line: "finished" for a handshake that ended well, else the bytes
 * that came behind the premaster secret, in hexadecimal, and "closed". Exit status 2: usage, 1: something else failed.
 */
#define USAGE "usage: premaster ADDRESS PORT good|other|type|marker|version|short|long|nothing\n"
/* Only what hangs takes that long. */
#define TIMEOUT_S 300
#define PREMASTER 48

#define RECORD_HANDSHAKE 22
#define CLIENT_KEY_EXCHANGE 16

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "premaster: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* The block before encryption: 00 02, padding without zeros, 00, the secret; with what is wrong with it. */
static void make_block(const char *kind, unsigned char *block, size_t size)
{
    size_t len = strcmp(kind, "short") == 0 ? PREMASTER - 1 : strcmp(kind, "long") == 0 ? PREMASTER + 1 : PREMASTER;
    unsigned char *secret;

    if (strcmp(kind, "nothing") == 0)
        len = 0;
    secret = block + size - len;
    need(RAND_bytes(block, (int)size) == 1, "RAND_bytes");
    block[0] = 0;
    block[1] = strcmp(kind, "type") == 0 ? 1 : 2;
    for (unsigned char *p = block + 2; p < secret; p++)
        *p |= 1;
    if (strcmp(kind, "marker") != 0)
        secret[-1] = 0;
    if (len > 2) {
        secret[0] = TLS1_2_VERSION >> 8;
        secret[1] = strcmp(kind, "version") == 0 ? TLS1_VERSION & 0xff : TLS1_2_VERSION & 0xff;
    }
    /* No zero by chance where there must be none. */
    for (unsigned char *p = secret + 2; len > 2 && p < block + size; p++)
        *p |= 1;
}

static void encrypt(EVP_PKEY *key, const unsigned char *block, size_t size, unsigned char *ret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t len = size;

    need(ctx != NULL && EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
             EVP_PKEY_encrypt(ctx, ret, &len, block, size) > 0 && len == size,
         "encryption");
    EVP_PKEY_CTX_free(ctx);
}

/* Replaces the secret where these bytes are the client's key exchange. */
static bool forge(SSL *ssl, const char *kind, unsigned char *bytes, size_t len)
{
    EVP_PKEY *key;
    unsigned char block[2048];
    size_t size;

    /* Record header 5, message header 4, length of the secret 2. */
    if (len < 11 || bytes[0] != RECORD_HANDSHAKE || bytes[5] != CLIENT_KEY_EXCHANGE)
        return false;
    key = X509_get0_pubkey(SSL_get0_peer_certificate(ssl));
    need(key != NULL && EVP_PKEY_is_a(key, "RSA"), "the server's RSA certificate");
    size = (size_t)EVP_PKEY_get_size(key);
    need(size <= sizeof(block) && len >= 11 + size && (size_t)(bytes[9] << 8 | bytes[10]) == size, "the key exchange");
    if (strcmp(kind, "good") != 0) {
        make_block(kind, block, size);
        encrypt(key, block, size, bytes + 11);
    }
    return true;
}

static int connect_to(const char *address, const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    struct timeval timeout = { .tv_sec = TIMEOUT_S };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    need(fd >= 0 && inet_pton(AF_INET, address, &to.sin_addr) == 1, "the address");
    need(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0, "setsockopt");
    need(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    return fd;
}

static void print_until_closed(int fd, const unsigned char *bytes, size_t len)
{
    unsigned char more[4096];
    ssize_t n;

    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    while ((n = read(fd, more, sizeof(more))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            printf("%02x", more[i]);
    }
    printf(n == 0 ? " closed\n" : " and nothing more\n");
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "good", "other", "type", "marker", "version", "short", "long", "nothing" };
    unsigned char bytes[16384];
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    bool known = false, sent = false;
    SSL *ssl;
    int fd, r = 0;

    for (size_t i = 0; argc == 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        known |= strcmp(argv[3], kinds[i]) == 0;
    if (!known) {
        fputs(USAGE, stderr);
        return 2;
    }
    need(in != NULL && out != NULL && ctx != NULL, "SSL_CTX_new");
    need(SSL_CTX_set_cipher_list(ctx, "AES128-SHA") == 1 && SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1,
         "the cipher suite");
    ssl = SSL_new(ctx);
    need(ssl != NULL, "SSL_new");
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    fd = connect_to(argv[1], argv[2]);
    while (r != 1) {
        ssize_t n;
        int len;

        r = SSL_do_handshake(ssl);
        need(r == 1 || SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ, "the handshake");
        while ((len = BIO_read(out, bytes, sizeof(bytes))) > 0) {
            sent |= forge(ssl, argv[3], bytes, (size_t)len);
            need(write(fd, bytes, (size_t)len) == len, "write");
        }
        if (r == 1)
            break;
        n = read(fd, bytes, sizeof(bytes));
        need(n > 0, "read");
        if (sent && strcmp(argv[3], "good") != 0) {
            print_until_closed(fd, bytes, (size_t)n);
            break;
        }
        need(BIO_write(in, bytes, (int)n) == n, "BIO_write");
    }
    need(sent, "RSA key exchange");
    if (r == 1)
        puts("finished");
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return 0;
}
