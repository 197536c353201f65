// An HTTPS server of Node.js, with a private key in a box: nothing in here knows of it.
//
// usage: node --openssl-shared-config server.js CERTIFICATE KEY PORT
//
// KEY is a handle file. SIGHUP: both files are read again.
"use strict";

const fs = require("node:fs");
const https = require("node:https");

const [certificate, key, port] = process.argv.slice(2);
const files = () => ({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) });

const server = https.createServer(files(), (request, answer) => {
    answer.setHeader("Content-Type", "text/plain");
    answer.end("served with a key that Node.js does not have\n");
});
server.on("tlsClientError", (problem) => console.error(problem.message));
process.on("SIGHUP", () => {
    server.setSecureContext(files());
    console.log("read again");
});
server.listen(Number(port), () => console.log("ready"));
