"""How a connection can behave: what the programs beside this one, which it goes before, listen with."""
import socket
import struct
import threading


def accepted(listener, handle):
    """Serves each connection in a thread of its own, for as long as the program runs."""

    def guarded(connection):
        try:
            handle(connection)
        except OSError:
            pass
        connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=guarded, args=(connection,), daemon=True).start()


def broken(connection):
    """Closed next, it is reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def discard(connection):
    threading.Event().wait()


def source(connection):
    block = b"b" * 262144
    while True:
        connection.sendall(block)


def reset(connection):
    connection.recv(1)
    broken(connection)


def after_end(connection):
    question = b""
    while data := connection.recv(65536):
        question += data
    connection.sendall(b"answer to " + question)


def farewell(connection):
    connection.sendall(bytes(300000))


def cut(connection):
    connection.recv(1)
    connection.sendall(bytes(1000))
    broken(connection)


def refusal(connection):
    connection.recv(1)
    # Closed with bytes unread, the kernel resets it.
    connection.sendall(b"too large")


def six(connection):
    connection.sendall(b"six")
