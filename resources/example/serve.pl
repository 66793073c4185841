#!/usr/bin/perl
# A web page on 127.0.0.1:8000. No more than what perl-base has: it runs in a bare Debian image.
use strict;
use warnings;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1',
    LocalPort => 8000,
    Listen    => 64,
    ReuseAddr => 1,
) or die "Cannot listen on 127.0.0.1:8000: $!\n";
local $SIG{PIPE} = 'IGNORE';
local $SIG{CHLD} = 'IGNORE';
$| = 1;
print "Listening on 127.0.0.1:8000\n";

my ($folder) = $0 =~ m{^(.*)/} ? $1 : '.';
while ( my $client = $server->accept ) {
    # A process for each connection, so that one that sends nothing holds up nobody.
    my $child = fork // next;
    if ($child) { close $client; next; }
    alarm 10;
    my $request = <$client> // '';
    while ( defined( my $line = <$client> ) ) { last if $line =~ /^\r?\n$/ }
    my ( $status, $body ) = ( '404 Not Found', 'There is one page here: /' );
    if ( $request =~ m{^(GET|HEAD) /(\?\S*)? } ) {
        open my $file, '<', "$folder/page.html" or die "page.html: $!\n";
        $body = do { local $/; <$file> };
        my $host = do { open my $f, '<', '/etc/hostname'; my $name = $f ? <$f> : 'unknown'; chomp $name; $name };
        $body =~ s/\{\{host\}\}/$host/g;
        $body =~ s/\{\{time\}\}/scalar localtime/ge;
        $status = '200 OK';
    }
    printf $client "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
        . "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
        $status, length $body, $request =~ /^HEAD/ ? '' : $body;
    close $client;
    exit 0;
}
