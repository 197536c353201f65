#!/usr/bin/perl
# An HTTPS server on Perl's IO::Socket::SSL, with a private key in a box: nothing in here knows of it.
#
# usage: server.pl CERTIFICATE KEY PORT
#
# KEY is a handle file. Each connection has a process of its own. SIGHUP: both files are read again.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;

@ARGV == 3 or die "usage: server.pl CERTIFICATE KEY PORT\n";
my ($certificate, $key, $port) = @ARGV;

sub load {
    return IO::Socket::SSL::SSL_Context->new(
        SSL_server    => 1,
        SSL_cert_file => $certificate,
        SSL_key_file  => $key,
    ) || die "$certificate, $key: $SSL_ERROR\n";
}

sub answer {
    my ($connection, $context) = @_;
    my $page = "served with a key that Perl does not have\n";

    alarm 30;    # a client that says nothing
    if (!IO::Socket::SSL->start_SSL($connection, SSL_server => 1, SSL_reuse_ctx => $context)) {
        print STDERR "$SSL_ERROR\n";
        return;
    }
    while (my $line = <$connection>) {
        last if $line =~ /^\r?\n/;
    }
    print $connection "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ",
        length $page, "\r\n\r\n", $page;
    close $connection;
}

my $context = load();
my $again   = 0;
$SIG{HUP}  = sub { $again = 1 };
$SIG{CHLD} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "port $port: $!\n";
$| = 1;
print "ready\n";
while (1) {
    my $connection = $server->accept;
    if ($again) {
        $again   = 0;
        $context = load();
        print "read again\n";
    }
    next if !$connection;
    my $pid = fork;
    if (defined $pid && $pid == 0) {
        answer($connection, $context);
        exit;
    }
    close $connection;
}
