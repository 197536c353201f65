/* Texts that real software signed: messages and time stamps of libcrypto, and what OpenSSH asks an agent to sign. */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"
#include "model/scheme.h"
#include "recorder.h"
#include "texts.h"
#include "unit.h"

static BIO *a_message(void)
{
    return BIO_new_mem_buf("Dear reader,\r\n", -1);
}

static void cms(enum who who, unsigned flags, const EVP_MD *md, const char *name)
{
    const struct signer *s = signer(who);
    BIO *message = a_message();
    CMS_ContentInfo *cms = CMS_sign_ex(NULL, NULL, NULL, message, CMS_BINARY | CMS_PARTIAL, recorder_libctx(), NULL);

    CU_ASSERT_FATAL(cms != NULL && CMS_add1_signer(cms, s->certificate, s->recording, md, flags) != NULL &&
                    CMS_final(cms, message, NULL, CMS_BINARY) > 0);
    CU_ASSERT_EQUAL(texts_keep(s, PURPOSE_CMS, name), 1);
    CMS_ContentInfo_free(cms);
    BIO_free(message);
}

static void pkcs7(enum who who)
{
    const struct signer *s = signer(who);
    BIO *message = a_message();
    PKCS7 *p = PKCS7_sign_ex(s->certificate, s->recording, NULL, message, PKCS7_DETACHED, recorder_libctx(), NULL);

    CU_ASSERT_PTR_NOT_NULL(p);
    CU_ASSERT_EQUAL(texts_keep(s, PURPOSE_CMS, "pkcs7"), 1);
    PKCS7_free(p);
    BIO_free(message);
}

static ASN1_INTEGER *serial(TS_RESP_CTX *ctx, void *arg)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();

    (void)ctx;
    (void)arg;
    (void)ASN1_INTEGER_set(n, 99);
    return n;
}

static TS_REQ *question(void)
{
    TS_REQ *q = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();

    X509_ALGOR_set_md(algorithm, EVP_sha256());
    CU_ASSERT_FATAL(TS_REQ_set_version(q, 1) > 0 && TS_MSG_IMPRINT_set_algo(imprint, algorithm) > 0 &&
                    TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)"0123456789abcdef0123456789abcdef", 32) > 0 &&
                    TS_REQ_set_msg_imprint(q, imprint) > 0);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    return q;
}

static void time_stamp(enum who who)
{
    const struct signer *s = signer(who);
    TS_RESP_CTX *ctx = TS_RESP_CTX_new_ex(recorder_libctx(), NULL);
    TS_REQ *q = question();
    BIO *b = BIO_new(BIO_s_mem());
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.1", 1);
    TS_RESP *answer;

    CU_ASSERT_FATAL(i2d_TS_REQ_bio(b, q) > 0 && TS_RESP_CTX_set_signer_cert(ctx, s->certificate) > 0 &&
                    TS_RESP_CTX_set_signer_key(ctx, s->recording) > 0 && TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) > 0 &&
                    TS_RESP_CTX_set_def_policy(ctx, policy) > 0 && TS_RESP_CTX_add_md(ctx, EVP_sha256()) > 0);
    TS_RESP_CTX_set_serial_cb(ctx, serial, NULL);
    answer = TS_RESP_create_response(ctx, b);
    CU_ASSERT_FATAL(answer != NULL && ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(answer))) == 0);
    CU_ASSERT_EQUAL(texts_keep(s, PURPOSE_TIMESTAMP, "time stamp"), 1);
    TS_RESP_free(answer);
    ASN1_OBJECT_free(policy);
    BIO_free(b);
    TS_REQ_free(q);
    TS_RESP_CTX_free(ctx);
}

void texts_of_messages(void)
{
    texts_forget();
    cms(LEAF_RSA, 0, EVP_sha256(), "cms rsa");
    cms(LEAF_RSA, CMS_KEY_PARAM | CMS_CADES, EVP_sha512(), "cms cades");
    cms(LEAF_EC, CMS_NOSMIMECAP | CMS_USE_KEYID, EVP_sha384(), "cms ec");
    /* What a signer without attributes signs (RFC 5652 5.4). libcrypto signs its digest. */
    texts_add(signer(LEAF_EC), 0, DIGEST_SHA256, "Dear reader,\r\n", 14, "cms without attributes");
    pkcs7(LEAF_RSA);
    pkcs7(LEAF_EC);
    time_stamp(LEAF_RSA);
    time_stamp(LEAF_EC);
}

/* SSH */

static void put_string(struct wire_writer *w, const void *data, size_t len)
{
    wire_put_u32(w, (uint32_t)len);
    wire_put_raw(w, data, len);
}

/* The public key as SSH has it (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4). */
static size_t blob_of(const struct signer *s, uint8_t *ret, size_t size)
{
    struct wire_writer w;
    unsigned char *der = NULL, *point = NULL;
    size_t len;

    wire_write(&w, ret, size);
    if (EVP_PKEY_is_a(s->plain, "RSA")) {
        BIGNUM *numbers[2] = { NULL, NULL };
        uint8_t number[600];

        put_string(&w, "ssh-rsa", 7);
        CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(s->plain, "e", &numbers[0]) > 0 && EVP_PKEY_get_bn_param(s->plain, "n", &numbers[1]) > 0);
        for (int i = 0; i < 2; i++) {
            int n = BN_bn2bin(numbers[i], number + 1);
            int sign = number[1] >= 0x80;

            number[0] = 0;
            put_string(&w, number + 1 - sign, (size_t)(n + sign));
            BN_free(numbers[i]);
        }
    } else {
        bool ec = EVP_PKEY_is_a(s->plain, "EC");
        const char *curve = EVP_PKEY_get_bits(s->plain) == 256 ? "nistp256" : "nistp384";
        char name[32];

        snprintf(name, sizeof(name), ec ? "ecdsa-sha2-%s" : "ssh-ed25519", curve);
        put_string(&w, name, strlen(name));
        if (ec)
            put_string(&w, curve, strlen(curve));
        len = ec ? EVP_PKEY_get1_encoded_public_key(s->plain, &point) : 32;
        if (!ec) {
            point = OPENSSL_malloc(32);
            CU_ASSERT_FATAL(EVP_PKEY_get_raw_public_key(s->plain, point, &len) > 0);
        }
        put_string(&w, point, len);
    }
    OPENSSL_free(der);
    OPENSSL_free(point);
    CU_ASSERT_FATAL(wire_written(&w, &len) == 0);
    return len;
}

/* RFC 4252 7, by hand: nothing but a session with a server makes one. algorithm NULL: a certificate. */
static void user(const struct signer *s, const struct signer *of, const char *algorithm, bool bound, unsigned purpose, const char *name)
{
    static const uint8_t session[32] = { 9, 8, 7 };
    uint8_t text[2048], blob[1024];
    size_t blob_len = blob_of(of, blob, sizeof(blob)), len;
    struct wire_writer w;
    const char *method = bound ? "publickey-hostbound-v00@openssh.com" : "publickey";

    wire_write(&w, text, sizeof(text));
    put_string(&w, session, sizeof(session));
    wire_put_u8(&w, 50);
    put_string(&w, "alice", 5);
    put_string(&w, "ssh-connection", 14);
    put_string(&w, method, strlen(method));
    wire_put_u8(&w, 1);
    put_string(&w, algorithm, strlen(algorithm));
    put_string(&w, blob, blob_len);
    if (bound)
        put_string(&w, blob, blob_len);
    CU_ASSERT_FATAL(wire_written(&w, &len) == 0);
    texts_add(s, purpose, DIGEST_SHA256, text, len, name);
}

/* A certificate of the key for a user (PROTOCOL.certkeys). */
static void certified_user(const struct signer *s, uint32_t type, unsigned purpose, const char *name)
{
    static const char kind[] = "ecdsa-sha2-nistp256-cert-v01@openssh.com";
    uint8_t text[2048], blob[1024], own[256];
    size_t len, blob_len, own_len = blob_of(s, own, sizeof(own));
    struct wire_writer w;

    wire_write(&w, blob, sizeof(blob));
    put_string(&w, kind, strlen(kind));
    put_string(&w, "nonce", 5);
    wire_put_raw(&w, own + 4 + 19, own_len - 4 - 19); /* curve and point */
    wire_put_u64(&w, 1);
    wire_put_u32(&w, type);
    for (int i = 0; i < 2; i++)
        put_string(&w, "alice", 5);
    wire_put_u64(&w, 0);
    wire_put_u64(&w, UINT64_MAX);
    for (int i = 0; i < 5; i++)
        put_string(&w, "any", 3);
    CU_ASSERT_FATAL(wire_written(&w, &blob_len) == 0);
    wire_write(&w, text, sizeof(text));
    put_string(&w, "01234567890123456789", 20);
    wire_put_u8(&w, 50);
    put_string(&w, "", 0);
    put_string(&w, "ssh-connection", 14);
    put_string(&w, "publickey", 9);
    wire_put_u8(&w, 1);
    put_string(&w, kind, strlen(kind));
    put_string(&w, blob, blob_len);
    CU_ASSERT_FATAL(wire_written(&w, &len) == 0);
    texts_add(s, purpose, DIGEST_SHA256, text, len, name);
}

/* One message of the agent's protocol (draft-ietf-sshm-ssh-agent 3). */
static size_t next_message(int fd, uint8_t *ret, size_t size)
{
    uint8_t head[4];
    size_t len, at = 0;

    if (read(fd, head, sizeof(head)) != (ssize_t)sizeof(head))
        return 0;
    len = (size_t)head[2] << 8 | head[3];
    while (len <= size && at < len) {
        ssize_t got = read(fd, ret + at, len - at);

        if (got <= 0)
            return 0;
        at += (size_t)got;
    }
    return at;
}

/* An agent that has this key, and signs nothing: the text that it is to sign is all that is wanted. */
static void serve(int fd, const struct signer *s, const char *name)
{
    static uint8_t message[16384], answer[2048], blob[1024];
    size_t blob_len = blob_of(s, blob, sizeof(blob)), len;

    while ((len = next_message(fd, message, sizeof(message))) > 0) {
        struct wire_reader r;
        struct wire_writer w;
        struct bytes text;
        size_t answer_len;

        wire_read(&r, message, len);
        wire_write(&w, answer + 4, sizeof(answer) - 4);
        switch (wire_get_u8(&r)) {
        case 11: /* SSH_AGENTC_REQUEST_IDENTITIES */
            wire_put_u8(&w, 12);
            wire_put_u32(&w, 1);
            put_string(&w, blob, blob_len);
            put_string(&w, "", 0);
            break;
        case 13: /* SSH_AGENTC_SIGN_REQUEST */
            (void)wire_get_raw(&r, wire_get_u32(&r));
            text = wire_get_raw(&r, wire_get_u32(&r));
            CU_ASSERT_EQUAL(r.error, 0);
            texts_add(s, PURPOSE_SSH, DIGEST_SHA512, text.p, text.len, name);
            /* fall through */
        default:
            wire_put_u8(&w, 5); /* SSH_AGENT_FAILURE */
        }
        CU_ASSERT_FATAL(wire_written(&w, &answer_len) == 0);
        memcpy(answer, (uint8_t[]){ 0, 0, (uint8_t)(answer_len >> 8), (uint8_t)answer_len }, 4);
        CU_ASSERT(write(fd, answer, 4 + answer_len) == (ssize_t)(4 + answer_len));
    }
}

extern char **environ;

/* "ssh-keygen -Y sign" over a file, with the key in our agent. */
static void file(const struct signer *s, const char *hash, const char *name)
{
    char *dir = unit_dir_new(), line[2048], path[256], option[64];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint8_t blob[1024];
    size_t blob_len = blob_of(s, blob, sizeof(blob));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), agent;
    const uint8_t *type = blob + 4;
    const char *const argv[] = { "ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-O", option, "-f", path, line, NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    snprintf(option, sizeof(option), "hashalg=%s", hash);
    snprintf(path, sizeof(path), "%s/key.pub", dir);
    snprintf(line, sizeof(line), "%.*s ", blob[3], type);
    EVP_EncodeBlock((unsigned char *)line + strlen(line), blob, (int)blob_len);
    unit_write_file(path, line, strlen(line));
    snprintf(line, sizeof(line), "%s/message", dir);
    unit_write_file(line, "hello", 5);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/agent", dir);
    CU_ASSERT_FATAL(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 20 }, sizeof(struct timeval)) == 0);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0);
    setenv("SSH_AUTH_SOCK", address.sun_path, 1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, "ssh-keygen", &actions, NULL, (char *const *)argv, environ) == 0) {
        agent = accept(fd, NULL, NULL);
        CU_ASSERT_TRUE(agent >= 0);
        serve(agent, s, name);
        close(agent);
        waitpid(pid, NULL, 0);
    }
    posix_spawn_file_actions_destroy(&actions);
    unsetenv("SSH_AUTH_SOCK");
    close(fd);
    unit_dir_remove(dir);
}

void texts_of_ssh(void)
{
    const struct signer *ec = signer(LEAF_EC), *rsa = signer(LEAF_RSA), *ed = signer(LEAF_ED25519);

    if (access("/usr/bin/ssh-keygen", X_OK) == 0) {
        file(ec, "sha512", "ssh file ec");
        file(ed, "sha256", "ssh file ed25519");
        file(rsa, "sha512", "ssh file rsa");
    } else {
        printf("(no ssh-keygen) ");
    }
    user(ec, ec, "ecdsa-sha2-nistp256", false, PURPOSE_SSH, "ssh user ec");
    user(signer(CLIENT_EC), signer(CLIENT_EC), "ecdsa-sha2-nistp384", false, PURPOSE_SSH, "ssh user ec 384");
    user(ed, ed, "ssh-ed25519", true, PURPOSE_SSH, "ssh user ed25519 hostbound");
    user(rsa, rsa, "rsa-sha2-512", false, PURPOSE_SSH, "ssh user rsa");
    user(rsa, rsa, "ssh-rsa", true, PURPOSE_SSH, "ssh user rsa sha1");
    user(rsa, ec, "ecdsa-sha2-nistp256", false, 0, "ssh user another key");
    user(rsa, rsa, "ssh-ed25519", false, 0, "ssh user another algorithm");
    certified_user(ec, 1, PURPOSE_SSH, "ssh user certified");
    certified_user(ec, 2, 0, "ssh host certified");
}
