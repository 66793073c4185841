# Berth's relay for Perl 5 (perl-base is enough): carries many connections to localhost over stdin and stdout.
# See ../protocol.ts.
use strict;
use warnings;
use Errno qw(EAGAIN EWOULDBLOCK EINTR EINPROGRESS ECONNREFUSED EADDRNOTAVAIL EAFNOSUPPORT);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY SHUT_WR SOL_SOCKET SO_ERROR SO_LINGER);

use constant { HEADER => 9, WINDOW => 1048576, PIECE => 131072, FULL => 1048576 };
use constant { OPEN => 1, OK => 2, REFUSED => 3, DATA => 4, FIN => 5, RST => 6, WINDOW_UPDATE => 7 };

my %connections;    # by id
my %by_number;      # by file descriptor
my $output = '';    # waits for stdout
my ($readers, $writers) = ('', '');
my $round = 0;      # of select

sub nonblocking {
    my ($handle) = @_;
    my $flags = fcntl($handle, F_GETFL, 0) or exit 0;
    fcntl($handle, F_SETFL, $flags | O_NONBLOCK) or exit 0;
}

sub again { return $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR} }

sub flush {
    while (length $output) {
        my $count = syswrite(STDOUT, $output);
        if (!defined $count) {
            exit 0 unless again();
            vec($writers, 1, 1) = 1;
            return;
        }
        substr($output, 0, $count, '');
    }
    if (vec($writers, 1, 1)) {
        vec($writers, 1, 1) = 0;
        watch($_) for values %connections;
    }
}

sub put {
    $output .= $_[0];
    flush() unless vec($writers, 1, 1);
}

sub control_frame { put(pack('NCN', @_)) }

sub watch {
    my ($c) = @_;
    return unless $c->{socket};
    my $number = fileno($c->{socket});
    if (!$c->{connected}) {
        vec($readers, $number, 1) = 0;
        vec($writers, $number, 1) = 1;
        return;
    }
    vec($readers, $number, 1) = ($c->{credit} > 0 && length($output) < FULL && !$c->{read_ended}) ? 1 : 0;
    vec($writers, $number, 1) = length($c->{pending}) ? 1 : 0;
}

sub finish {
    my ($c, $reset) = @_;
    delete $connections{ $c->{id} } if ($connections{ $c->{id} } || 0) == $c;
    my $socket = delete $c->{socket} or return;
    my $number = fileno($socket);
    delete $by_number{$number};
    vec($readers, $number, 1) = 0;
    vec($writers, $number, 1) = 0;
    setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $reset;
    close $socket;
}

sub fail {
    my ($c) = @_;
    finish($c, 1);
    control_frame($c->{id}, RST, 0);
}

# The app takes no more. What it said before, such as why, is still there to be read; then the connection fails.
sub broken {
    my ($c) = @_;
    $c->{broken} = 1;
    discard($c, length $c->{pending});
    $c->{pending} = '';
    $c->{read_ended} ? fail($c) : watch($c);
}

# Bytes that nobody takes any more count as taken, so that whoever sends them is not stuck.
sub discard {
    my ($c, $count) = @_;
    $c->{consumed} += $count;
    give_back($c);
}

sub give_back {
    my ($c) = @_;
    return if $c->{consumed} < WINDOW / 4;
    control_frame($c->{id}, WINDOW_UPDATE, $c->{consumed});
    $c->{consumed} = 0;
}

sub connect_to {
    my ($c) = @_;
    my ($family, $address);
    if ($c->{version6}) {
        $address = eval { Socket::pack_sockaddr_in6($c->{port}, Socket::inet_pton(Socket::AF_INET6(), '::1')) };
        return refused($c, ECONNREFUSED) unless defined $address;
        $family = Socket::AF_INET6();
    } else {
        ($family, $address) = (AF_INET, pack_sockaddr_in($c->{port}, inet_aton('127.0.0.1')));
    }
    socket(my $socket, $family, SOCK_STREAM, 0) or return refused($c, $! + 0);
    nonblocking($socket);
    $c->{socket} = $socket;
    $c->{round} = $round;
    $by_number{ fileno $socket } = $c;
    if (connect($socket, $address) || $!{EINPROGRESS}) { watch($c) }
    else { refused($c, $! + 0) }
}

sub refused {
    my ($c, $code) = @_;
    finish($c, 0);
    my $nothing = grep { $code == $_ } ECONNREFUSED, EADDRNOTAVAIL, EAFNOSUPPORT;
    $c->{failed} ||= !$nothing;
    if (!$c->{version6}) {
        $c->{version6} = 1;
        $connections{ $c->{id} } = $c;
        return connect_to($c);
    }
    control_frame($c->{id}, REFUSED, $c->{failed} ? 2 : 1);
}

sub connected {
    my ($c) = @_;
    my $code = unpack('i', getsockopt($c->{socket}, SOL_SOCKET, SO_ERROR));
    return refused($c, $code) if $code;
    $c->{connected} = 1;
    setsockopt($c->{socket}, IPPROTO_TCP, TCP_NODELAY, 1);
    control_frame($c->{id}, OK, 0);
    drain($c);
}

sub receive {
    my ($c) = @_;
    my $count = sysread($c->{socket}, my $data, PIECE);
    if (!defined $count) {
        fail($c) unless again();
        return;
    }
    if ($count) {
        $c->{credit} -= $count;
        put(pack('NCN', $c->{id}, DATA, $count) . $data);
    } elsif ($c->{broken}) {
        return fail($c);
    } else {
        $c->{read_ended} = 1;
        control_frame($c->{id}, FIN, 0);
    }
    settle($c);
}

sub drain {
    my ($c) = @_;
    while (length $c->{pending}) {
        my $count = syswrite($c->{socket}, $c->{pending});
        if (!defined $count) {
            last if again();
            return broken($c);
        }
        $c->{consumed} += $count;
        substr($c->{pending}, 0, $count, '');
    }
    give_back($c);
    if ($c->{finish} && !length($c->{pending}) && !$c->{write_ended} && !$c->{broken}) {
        shutdown($c->{socket}, SHUT_WR) or return broken($c);
        $c->{write_ended} = 1;
    }
    settle($c);
}

sub settle {
    my ($c) = @_;
    if ($c->{read_ended} && $c->{write_ended}) { finish($c, 0) }
    else { watch($c) }
}

sub control {
    my ($id, $type, $value) = @_;
    if ($type == OPEN) {
        my $c = $connections{$id} = {
            id => $id, port => $value, credit => WINDOW, consumed => 0, pending => '',
        };
        return connect_to($c);
    }
    my $c = $connections{$id} or return;
    if ($type == FIN) {
        $c->{finish} = 1;
        drain($c) if $c->{connected};
    } elsif ($type == RST) {
        finish($c, 1);
    } elsif ($type == WINDOW_UPDATE) {
        $c->{credit} += $value;
        watch($c);
    }
}

my ($head, $current, $payload) = ('', 0, 0);

sub take {
    my $count = sysread(STDIN, my $chunk, 262144);
    if (!defined $count) {
        exit 0 unless again();
        return;
    }
    exit 0 unless $count;
    my $at = 0;
    while ($at < $count) {
        if ($payload) {
            my $length = $count - $at < $payload ? $count - $at : $payload;
            $payload -= $length;
            if (my $c = $connections{$current}) {
                if ($c->{broken}) { discard($c, $length) }
                else {
                    $c->{pending} .= substr($chunk, $at, $length);
                    drain($c) if $c->{connected};
                }
            }
            $at += $length;
            next;
        }
        my $missing = HEADER - length $head;
        $head .= substr($chunk, $at, $missing);
        $at += $missing;
        return if length($head) < HEADER;
        my ($id, $type, $value) = unpack('NCN', $head);
        $head = '';
        if ($type == DATA) { ($current, $payload) = ($id, $value) }
        else               { control($id, $type, $value) }
    }
}

$SIG{PIPE} = 'IGNORE';
$SIG{INT}  = 'IGNORE';
binmode STDIN;
binmode STDOUT;
nonblocking(\*STDIN);
nonblocking(\*STDOUT);
# F_SETPIPE_SZ of Linux: fewer turns between this and the engine; where it is refused, the pipe stays as it is.
fcntl($_, 1031, 1048576) for \*STDIN, \*STDOUT;
vec($readers, 0, 1) = 1;
vec($writers, 1, 1) = 0;
put("BERTH-RELAY-1\n");

while (1) {
    my $count = select(my $readable = $readers, my $writable = $writers, undef, undef);
    next if !defined $count || $count < 0;
    flush() if vec($writable, 1, 1);
    $round++;
    take() if vec($readable, 0, 1);
    for my $number (keys %by_number) {
        my $c = $by_number{$number} or next;
        # It may have got the number of one that was closed just now; select has said nothing of it yet.
        next if $c->{round} == $round;
        if (!$c->{connected}) {
            connected($c) if vec($writable, $number, 1);
            next;
        }
        drain($c)   if vec($writable, $number, 1);
        receive($c) if $c->{socket} && vec($readable, $number, 1);
    }
}
