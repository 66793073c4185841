"""What listens on localhost of a test's container. Prints one line when all of it does."""
import hashlib
import os
import socket
import struct
import threading


def serve(port, handle, family=socket.AF_INET):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
    listener.listen(512)
    threading.Thread(target=accepted, args=(listener, handle)).start()


def reset_in_body(connection):
    connection.recv(1)
    connection.sendall(b"r" * 300000)
    reset(connection)


def speak_first(connection):
    connection.sendall(b"220 ready\r\n")
    connection.sendall(b"you said " + connection.recv(100))


def record(connection):
    received = 0
    while data := connection.recv(65536):
        received += len(data)
        with open("/tmp/received", "w") as file:
            file.write(str(received))


def exchange(connection):
    """Told a size it sends so many bytes while it takes as many, and then the digests of what it took and sent."""
    size = struct.unpack(">Q", connection.recv(8, socket.MSG_WAITALL))[0]
    sent = hashlib.sha256()

    def send():
        block = bytes(range(256)) * 1024
        left = size
        while left > 0:
            part = block[: min(left, len(block))]
            connection.sendall(part)
            sent.update(part)
            left -= len(part)
            # Each block has other neighbours.
            block = block[1:] + block[:1]

    sender = threading.Thread(target=send)
    sender.start()
    taken = hashlib.sha256()
    left = size
    while left > 0:
        data = connection.recv(min(left, 262144))
        if not data:
            return
        taken.update(data)
        left -= len(data)
    sender.join()
    connection.sendall((taken.hexdigest() + sent.hexdigest()).encode())
    connection.recv(1)


for port, handle in {
    7001: echo,
    7002: discard,
    7003: source,
    7004: reset,
    7005: after_end,
    7006: speak_first,
    7007: reset_in_body,
    7008: record,
    7009: farewell,
    7010: cut,
    7011: refusal,
    7013: exchange,
}.items():
    serve(port, handle)
if os.path.exists("/proc/net/if_inet6") and open("/proc/net/if_inet6").read():
    serve(7012, six, socket.AF_INET6)
print("listening", flush=True)
