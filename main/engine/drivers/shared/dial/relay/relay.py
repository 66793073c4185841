# Berth's relay for Python 3: carries many connections to localhost over stdin and stdout. See ../protocol.ts.
import collections
import errno
import fcntl
import os
import selectors
import signal
import socket
import struct

HEADER = 9
WINDOW = 1048576
PIECE = 131072
# Bytes waiting for stdout above which no connection is read.
FULL = 1048576
OPEN, OK, REFUSED, DATA, FIN, RST, WINDOW_UPDATE = 1, 2, 3, 4, 5, 6, 7
AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
NOTHING = (errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

poll = selectors.DefaultSelector()
connections = {}
queue = collections.deque()
queued = 0
input_buffer = bytearray(262144)
input_view = memoryview(input_buffer)
output_buffer = bytearray(HEADER + PIECE)
output_view = memoryview(output_buffer)


class Connection:
    def __init__(self, id, port):
        self.id = id
        self.port = port
        self.socket = None
        self.events = 0
        self.connected = False
        self.version6 = False
        self.failed = False
        self.credit = WINDOW
        self.consumed = 0
        self.pending = collections.deque()
        self.finish = False
        self.broken = False
        self.read_ended = False
        self.write_ended = False


def write(data):
    """Writes to stdout now what fits and queues a copy of the rest."""
    global queued
    data = memoryview(data)
    if not queue:
        try:
            data = data[os.write(1, data):]
        except OSError as error:
            if error.errno not in AGAIN:
                os._exit(0)
    if len(data):
        if not queue:
            poll.register(1, WRITE)
        queue.append(memoryview(bytes(data)))
        queued += len(data)


def flush():
    global queued
    while queue:
        data = queue[0]
        try:
            count = os.write(1, data)
        except OSError as error:
            if error.errno in AGAIN:
                return
            os._exit(0)
        queued -= count
        if count == len(data):
            queue.popleft()
        else:
            queue[0] = data[count:]
    poll.unregister(1)
    for connection in list(connections.values()):
        watch(connection)


def send(id, type, value):
    write(struct.pack('>IBI', id, type, value))


def watch(connection):
    events = 0
    if not connection.connected:
        events = WRITE
    else:
        if connection.credit > 0 and queued < FULL and not connection.read_ended:
            events |= READ
        if connection.pending:
            events |= WRITE
    if events == connection.events:
        return
    if not connection.events:
        poll.register(connection.socket, events, connection)
    elif not events:
        poll.unregister(connection.socket)
    else:
        poll.modify(connection.socket, events, connection)
    connection.events = events


def close(connection, reset):
    if connections.get(connection.id) is connection:
        del connections[connection.id]
    if connection.socket is None:
        return
    if connection.events:
        poll.unregister(connection.socket)
        connection.events = 0
    if reset:
        try:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        except OSError:
            pass
    connection.socket.close()
    connection.socket = None


def fail(connection):
    close(connection, True)
    send(connection.id, RST, 0)


def broken(connection):
    """The app takes no more. What it said before, such as why, is still there to be read; then the connection fails."""
    connection.broken = True
    connection.consumed += sum(len(data) for data in connection.pending)
    connection.pending.clear()
    give_back(connection)
    if connection.read_ended:
        fail(connection)
    else:
        watch(connection)


def give_back(connection):
    if connection.consumed >= WINDOW // 4:
        send(connection.id, WINDOW_UPDATE, connection.consumed)
        connection.consumed = 0


def connect(connection):
    family = socket.AF_INET6 if connection.version6 else socket.AF_INET
    try:
        connection.socket = socket.socket(family, socket.SOCK_STREAM)
        connection.socket.setblocking(False)
        code = connection.socket.connect_ex(('::1' if connection.version6 else '127.0.0.1', connection.port))
    except OSError as error:
        code = error.errno
    if code in (0, errno.EINPROGRESS):
        watch(connection)
    else:
        refused(connection, code)


def refused(connection, code):
    close(connection, False)
    connection.failed = connection.failed or code not in NOTHING
    if not connection.version6:
        connection.version6 = True
        connections[connection.id] = connection
        connect(connection)
    else:
        send(connection.id, REFUSED, 2 if connection.failed else 1)


def connected(connection):
    code = connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        refused(connection, code)
        return
    connection.connected = True
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    send(connection.id, OK, 0)
    drain(connection)


def receive(connection):
    try:
        count = connection.socket.recv_into(output_view[HEADER:])
    except OSError as error:
        if error.errno not in AGAIN:
            fail(connection)
        return
    if count:
        connection.credit -= count
        struct.pack_into('>IBI', output_buffer, 0, connection.id, DATA, count)
        write(output_view[: HEADER + count])
    elif connection.broken:
        fail(connection)
        return
    else:
        connection.read_ended = True
        send(connection.id, FIN, 0)
    settle(connection)


def drain(connection):
    while connection.pending:
        data = connection.pending[0]
        try:
            count = connection.socket.send(data)
        except OSError as error:
            if error.errno in AGAIN:
                break
            broken(connection)
            return
        connection.consumed += count
        if count == len(data):
            connection.pending.popleft()
        else:
            connection.pending[0] = data[count:]
    give_back(connection)
    if connection.finish and not connection.pending and not connection.write_ended and not connection.broken:
        try:
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            broken(connection)
            return
        connection.write_ended = True
    settle(connection)


def settle(connection):
    if connection.read_ended and connection.write_ended:
        close(connection, False)
    elif connection.socket is not None:
        watch(connection)


def control(id, type, value):
    if type == OPEN:
        connection = connections[id] = Connection(id, value)
        connect(connection)
        return
    connection = connections.get(id)
    if connection is None:
        return
    if type == FIN:
        connection.finish = True
        if connection.connected:
            drain(connection)
    elif type == RST:
        close(connection, True)
    elif type == WINDOW_UPDATE:
        connection.credit += value
        watch(connection)


def deliver(id, piece):
    connection = connections.get(id)
    if connection is None:
        return
    if connection.broken:
        # Counts as taken, so that whoever sends it is not stuck.
        connection.consumed += len(piece)
        give_back(connection)
        return
    if not connection.connected or connection.pending:
        connection.pending.append(memoryview(bytes(piece)))
        return
    try:
        count = connection.socket.send(piece)
    except OSError as error:
        if error.errno not in AGAIN:
            connection.consumed += len(piece)
            broken(connection)
            return
        count = 0
    connection.consumed += count
    if count < len(piece):
        connection.pending.append(memoryview(bytes(piece[count:])))
        watch(connection)
    give_back(connection)


head = b''
current = 0
payload = 0


def take():
    global head, current, payload
    try:
        count = os.readv(0, [input_buffer])
    except OSError as error:
        if error.errno in AGAIN:
            return
        os._exit(0)
    if count == 0:
        os._exit(0)
    at = 0
    while at < count:
        if payload:
            end = min(count, at + payload)
            payload -= end - at
            deliver(current, input_view[at:end])
            at = end
            continue
        missing = HEADER - len(head)
        head += bytes(input_view[at:min(count, at + missing)])
        at += missing
        if len(head) < HEADER:
            return
        id, type, value = struct.unpack('>IBI', head)
        head = b''
        if type == DATA:
            current, payload = id, value
        else:
            control(id, type, value)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.set_blocking(0, False)
os.set_blocking(1, False)
for number in (0, 1):
    try:
        # F_SETPIPE_SZ of Linux: fewer turns between this and the engine.
        fcntl.fcntl(number, 1031, 1048576)
    except OSError:
        pass
poll.register(0, READ)
write(b'BERTH-RELAY-1\n')
while True:
    for key, events in poll.select():
        if key.fd == 0:
            take()
        elif key.fd == 1:
            flush()
        else:
            connection = key.data
            # An earlier event of this round may have closed it, and its number may be in use again.
            if connection.socket is None or not connection.events:
                continue
            if not connection.connected:
                connected(connection)
                continue
            if events & WRITE:
                drain(connection)
            if events & READ and connection.socket is not None:
                receive(connection)
