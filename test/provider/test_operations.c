/* Every operation with every key type and option that it has: the table, run as it stands in provider-littlebox(7). */
#include <stdlib.h>
#include <string.h>

#include "optable.h"
#include "suite.h"

#define V3_2 0x30200000u
#define V3_4 0x30400000u
#define V3_5 0x30500000u

const struct key_type key_types[] = {
    { "RSA", "rsa", "rsa:2048", 0 },
    { "RSA-PSS", "pss", "rsa-pss:2048", 0 },
    { "RSA-PSS of SHA2-256", "pss256", "rsa-pss:2048:sha256", 0 },
    { "EC", "p256", "ec:P-256", 0 },
    { "EC", "p384", "ec:P-384", 0 },
    { "EC", "p521", "ec:P-521", 0 },
    { "Ed25519", "ed25519", "ed25519", 0 },
    { "Ed448", "ed448", "ed448", 0 },
    { "X25519", "x25519", "x25519", 0 },
    { "X448", "x448", "x448", 0 },
    { "ML-DSA", "ml-dsa-44", "ml-dsa-44", V3_5 },
    { "ML-DSA", "ml-dsa-65", "ml-dsa-65", V3_5 },
    { "ML-DSA", "ml-dsa-87", "ml-dsa-87", V3_5 },
    { "SLH-DSA", "slh-dsa-sha2-128f", "slh-dsa-sha2-128f", V3_5 },
    { "SLH-DSA", "slh-dsa-shake-256f", "slh-dsa-shake-256f", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-sha2-128s", "slh-dsa-sha2-128s", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-sha2-192s", "slh-dsa-sha2-192s", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-sha2-192f", "slh-dsa-sha2-192f", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-sha2-256s", "slh-dsa-sha2-256s", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-sha2-256f", "slh-dsa-sha2-256f", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-shake-128s", "slh-dsa-shake-128s", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-shake-128f", "slh-dsa-shake-128f", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-shake-192s", "slh-dsa-shake-192s", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-shake-192f", "slh-dsa-shake-192f", V3_5 },
    { "SLH-DSA of each size", "slh-dsa-shake-256s", "slh-dsa-shake-256s", V3_5 },
    { NULL, NULL, NULL, 0 },
};

#define SHA2 "SHA2-224|SHA2-256|SHA2-384|SHA2-512|SHA2-512/224|SHA2-512/256"
#define SHA3 "SHA3-224|SHA3-256|SHA3-384|SHA3-512"
#define ALL_DIGESTS "SHA1|" SHA2 "|" SHA3
#define ALL_KEYS "RSA, RSA-PSS, EC, Ed25519, Ed448, X25519, X448, ML-DSA, SLH-DSA"
#define OLD "does not sign in this way"

const struct row rows[] = {
    { "Sign a text, whole or in pieces", "RSA", "digest:" ALL_DIGESTS " rsa_padding_mode:pkcs1", 0, NULL, sign_texts,
      NULL },
    { "", "RSA", "digest:" ALL_DIGESTS " rsa_padding_mode:pss rsa_pss_saltlen:digest|max|auto|20", 0, NULL, sign_texts,
      NULL },
    { "", "RSA, RSA-PSS", "digest:SHA2-256|SHA3-384 rsa_padding_mode:pss rsa_mgf1_md:SHA1|SHA2-512 rsa_pss_saltlen:0|max",
      0, NULL, sign_texts, NULL },
    { "", "RSA-PSS", "digest:" ALL_DIGESTS " rsa_pss_saltlen:digest|max|auto|20", 0, NULL, sign_texts, NULL },
    { "", "RSA, RSA-PSS", "digest:SHA2-256 rsa_padding_mode:pss rsa_pss_saltlen:auto-digestmax", V3_2, NULL, sign_texts,
      NULL },
    { "", "RSA-PSS of SHA2-256", "digest:SHA2-256 rsa_pss_saltlen:digest|max", 0,
      "and no other digest, nor a shorter salt", sign_texts, NULL },
    { "", "EC", "digest:" ALL_DIGESTS, 0, NULL, sign_texts, NULL },
    { "", "EC", "digest:SHA2-256|SHA3-512 nonce-type:1", V3_2, "a deterministic one, RFC 6979", sign_texts, OLD },
    { "", "Ed25519, Ed448", NULL, 0, NULL, sign_texts, NULL },
    { "", "Ed25519", "instance:Ed25519ph", V3_2, NULL, sign_texts, OLD },
    { "", "Ed25519", "instance:Ed25519ctx|Ed25519ph context-string:a|context", V3_2, NULL, sign_texts, OLD },
    { "", "Ed448", "instance:Ed448ph", V3_2, NULL, sign_texts, OLD },
    { "", "Ed448", "instance:Ed448|Ed448ph context-string:a|context", V3_2, NULL, sign_texts, OLD },
    { "", "ML-DSA, SLH-DSA", "deterministic:0|1", V3_5, NULL, sign_texts, NULL },
    { "", "ML-DSA, SLH-DSA", "context-string:a|context", V3_5, NULL, sign_texts, NULL },
    { "", "ML-DSA, SLH-DSA", "message-encoding:0|1", V3_5, NULL, sign_texts, NULL },
    { "", "SLH-DSA of each size", NULL, V3_5, NULL, sign_one_text, NULL },
    { "Sign the same twice the same", "EC", "digest:SHA2-256 nonce-type:1", V3_2, NULL, sign_same_twice, OLD },
    { "", "ML-DSA", "deterministic:1", V3_5, NULL, sign_same_twice, NULL },
    { "Sign a text of 100 MB in one call", "Ed25519", NULL, 0, "up to 4 GiB", sign_long_text, NULL },
    { "Sign a digest", "RSA", "digest:" ALL_DIGESTS " rsa_padding_mode:pkcs1|pss", 0, NULL, sign_digests, NULL },
    { "", "RSA-PSS, EC", "digest:" ALL_DIGESTS, 0, NULL, sign_digests, NULL },
    { "", "Ed25519", "instance:Ed25519ph", V3_4, NULL, sign_digests, NULL },
    { "", "Ed448", "instance:Ed448ph", V3_4, NULL, sign_digests, NULL },
    { "Sign by a named algorithm", "RSA",
      "-algorithm:RSA-SHA1|RSA-SHA224|RSA-SHA256|RSA-SHA384|RSA-SHA512|RSA-SHA512-224|RSA-SHA512-256|RSA-SHA3-224|"
      "RSA-SHA3-256|RSA-SHA3-384|RSA-SHA3-512",
      V3_4, "RSA-SHA256 and so on, with SHA-1 to SHA-3", sign_by_name, NULL },
    { "", "EC",
      "-algorithm:ECDSA-SHA1|ECDSA-SHA224|ECDSA-SHA256|ECDSA-SHA384|ECDSA-SHA512|ECDSA-SHA3-224|ECDSA-SHA3-256|"
      "ECDSA-SHA3-384|ECDSA-SHA3-512",
      V3_4, "ECDSA-SHA256 and so on, with SHA-1 to SHA-3", sign_by_name, NULL },
    { "", "Ed25519", "-algorithm:ED25519|ED25519ph", V3_4, "ED25519, ED25519ph", sign_by_name, NULL },
    { "", "Ed25519", "-algorithm:ED25519ctx context-string:a|context", V3_4, "ED25519ctx", sign_by_name, NULL },
    { "", "Ed448", "-algorithm:ED448|ED448ph context-string:a", V3_4, "ED448, ED448ph", sign_by_name, NULL },
    { "", "ML-DSA, SLH-DSA", "-algorithm:=", V3_5, "by the name of the key type", sign_by_name, NULL },
    { "Sign certificates, requests, CRLs", "RSA", "digest:SHA2-256|SHA3-256 rsa_padding_mode:pkcs1", 0, NULL,
      sign_certificates, NULL },
    { "", "RSA", "digest:SHA2-256|SHA2-384 rsa_padding_mode:pss", 0, NULL, sign_certificates, NULL },
    { "", "RSA-PSS, RSA-PSS of SHA2-256, EC", "digest:SHA2-256", 0, NULL, sign_certificates, NULL },
    { "", "Ed25519, Ed448, ML-DSA, SLH-DSA", NULL, 0, NULL, sign_certificates, NULL },
    { "Sign CMS and S/MIME messages", "RSA", "digest:SHA2-256|SHA2-512 rsa_padding_mode:pkcs1|pss", 0, NULL,
      sign_messages, NULL },
    { "", "EC", "digest:SHA2-256|SHA2-512", 0, NULL, sign_messages, NULL },
    { "Decrypt", "RSA", "rsa_padding_mode:pkcs1", 0, NULL, decrypt_texts, NULL },
    { "", "RSA", "rsa_padding_mode:oaep rsa_oaep_md:" ALL_DIGESTS, 0, NULL, decrypt_texts, NULL },
    { "", "RSA", "rsa_padding_mode:oaep rsa_oaep_md:SHA2-256 rsa_mgf1_md:" ALL_DIGESTS " rsa_oaep_label:00|6c6162656c", 0,
      NULL, decrypt_texts, NULL },
    { "Decrypt CMS and S/MIME messages", "RSA", "rsa_padding_mode:pkcs1|oaep", 0, NULL, decrypt_messages, NULL },
    { "", "RSA", "rsa_padding_mode:oaep rsa_oaep_md:SHA2-256 rsa_mgf1_md:SHA1|SHA2-256", 0, NULL, decrypt_messages, NULL },
    { "", "EC", "ecdh_kdf_md:SHA1|SHA2-256|SHA2-512 ecdh_cofactor_mode:0|1", 0, NULL, decrypt_messages, NULL },
    { "Agree on a secret", "EC, X25519, X448", NULL, 0, NULL, derive_secrets, NULL },
    { "", "EC", "ecdh_cofactor_mode:0|1", 0, NULL, derive_secrets, NULL },
    { "", "EC", "kdf-type:X963KDF kdf-digest:" ALL_DIGESTS " kdf-outlen:16|200 kdf-ukm:shared", 0, NULL, derive_secrets,
      NULL },
    { "Authenticate in TLS, as server and client", "RSA, RSA-PSS, RSA-PSS of SHA2-256, EC, Ed25519, Ed448",
      "-protocol:TLSv1.2|TLSv1.3", 0, "1.2 and 1.3, with each signature scheme of the key", handshakes, NULL },
    { "", "ML-DSA", "-protocol:TLSv1.3", V3_5, "1.3", handshakes, NULL },
    { "", "RSA", "-protocol:TLSv1.2 -cipher:AES128-SHA|AES256-GCM-SHA384", 0, "1.2 with RSA key exchange", handshakes,
      NULL },
    { "Generate a key in the box", ALL_KEYS, NULL, 0,
      "littlebox_uri and the options below", generate_keys, NULL },
    { "Write the public key", ALL_KEYS,
      "-output:PEM|DER -structure:SubjectPublicKeyInfo", 0, "PEM or DER, SubjectPublicKeyInfo", write_public, NULL },
    { "", "RSA", "-output:PEM|DER -structure:type-specific|pkcs1", 0, "PEM or DER, PKCS#1", write_public, NULL },
    { "Write and read the handle", ALL_KEYS, NULL, 0,
      "PEM or DER, PrivateKeyInfo; with OSSL_STORE, PEM_read_bio_PrivateKey, d2i_AutoPrivateKey, EVP_PKCS82PKEY",
      write_handles, NULL },
    { "Print the key", ALL_KEYS, NULL, 0,
      "box, name, version, state, type, and the public key", write_texts, NULL },
    { NULL, NULL, NULL, 0, NULL, NULL, NULL },
};

static OSSL_LIB_CTX *contexts[2];
static const char *man_page;

static void the_table(void)
{
    unsigned all = 0;

    for (const struct row *row = rows; row->operation != NULL; row++) {
        unsigned runs = 0;

        if (!row_run(row, contexts, &runs))
            CU_FAIL("a row of the table");
        /* A row that finds no key to run with would prove nothing. */
        CU_ASSERT(runs > 0 || row->since > OpenSSL_version_num());
        all += runs;
    }
    printf(" %u runs ", all);
}

static void the_manual(void)
{
    CU_ASSERT(table_is_in(man_page));
}

int main(int argc, char **argv)
{
    static CU_TestInfo tests[] = {
        { "the table", the_table },
        { "the manual has the same", the_manual },
        CU_TEST_INFO_NULL,
    };
    static char page[4096];
    struct boxproc box;
    const char *source = getenv("LITTLEBOX_SRC");
    int status;

    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return table_put_into(argv[2]) ? 0 : 1;
    snprintf(page, sizeof(page), "%s/provider/provider-littlebox.7", source == NULL ? "." : source);
    man_page = page;
    boxproc_new(&box, "default");
    for (const struct key_type *t = key_types; t->label != NULL; t++) {
        if (t->since <= OpenSSL_version_num())
            boxproc_create(&box, t->name, t->type);
    }
    for (int i = 0; i < 2; i++)
        contexts[i] = new_libctx(box.dir, /* littlebox_first= */ i == 0, "");
    status = run_suite("operations", tests);
    for (int i = 0; i < 2; i++)
        OSSL_LIB_CTX_free(contexts[i]);
    boxproc_free(&box);
    return status;
}
