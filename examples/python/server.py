"""An HTTPS server on Python's ssl module, with a private key in a box: nothing in here knows of it.

usage: server.py CERTIFICATE KEY PORT

KEY is a handle file. SIGHUP: both files are read again.
"""
import http.server
import signal
import ssl
import sys


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = b"served with a key that Python does not have\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address, certificate, key):
        super().__init__(address, Page)
        self.files = certificate, key
        self.load()

    def load(self):
        """A context of its own for what comes next: connections that are there keep theirs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files)
        self.context = context

    def finish_request(self, request, client_address):
        """In the thread of that connection, so that a slow client keeps nobody waiting."""
        request.settimeout(30)
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except OSError as problem:
            print(problem, file=sys.stderr, flush=True)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    server = Server(("0.0.0.0", int(sys.argv[3])), sys.argv[1], sys.argv[2])

    def load_again(*_):
        server.load()
        print("read again", flush=True)

    signal.signal(signal.SIGHUP, load_again)
    print("ready", flush=True)
    server.serve_forever()


main()
