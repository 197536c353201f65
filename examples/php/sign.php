<?php
// Signs a file with PHP's openssl_sign and a private key in a box: nothing in here knows of it.
//
// usage: php sign.php KEY FILE SIGNATURE
//
// KEY is a handle file. `openssl dgst -sha256 -verify PUBLIC-KEY -signature SIGNATURE FILE` verifies it.
if ($argc !== 4) {
    fwrite(STDERR, "usage: php sign.php KEY FILE SIGNATURE\n");
    exit(2);
}
[, $file, $text, $signature] = $argv;

function failed(string $what): never
{
    fwrite(STDERR, "$what\n");
    while ($problem = openssl_error_string()) {
        fwrite(STDERR, "$problem\n");
    }
    exit(1);
}

$key = openssl_pkey_get_private("file://" . realpath($file)) ?: failed("no key in $file");
openssl_sign(file_get_contents($text), $octets, $key, OPENSSL_ALGO_SHA256) || failed("not signed");
file_put_contents($signature, $octets);
