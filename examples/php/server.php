<?php
// An HTTPS server on PHP's streams, with a private key in a box: nothing in here knows of it.
//
// usage: php server.php CERTIFICATE KEY PORT
//
// KEY is a handle file. PHP reads both files for each connection, so nothing has to be reloaded.
if ($argc !== 4) {
    fwrite(STDERR, "usage: php server.php CERTIFICATE KEY PORT\n");
    exit(2);
}
[, $certificate, $key, $port] = $argv;

$context = stream_context_create(["ssl" => ["local_cert" => $certificate, "local_pk" => $key]]);
$flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
$server = stream_socket_server("tcp://0.0.0.0:$port", $number, $problem, $flags, $context) ?: exit("$problem\n");
echo "ready\n";
while (true) {
    $connection = @stream_socket_accept($server, -1);
    if (!$connection) {
        continue;
    }
    stream_set_timeout($connection, 30);
    if (stream_socket_enable_crypto($connection, true, STREAM_CRYPTO_METHOD_TLS_SERVER)) {
        while (($line = fgets($connection)) !== false && trim($line) !== "") {
        }
        $page = "served with a key that PHP does not have\n";
        fwrite($connection, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . strlen($page) . "\r\n\r\n$page");
    }
    fclose($connection);
}
