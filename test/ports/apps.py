"""Apps on localhost, one per way in which a connection can behave. Prints their ports as JSON, then serves until stdin ends."""
import json
import os
import socket
import struct
import sys
import threading


def listen(handler, address='127.0.0.1'):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((address, 0))
    server.listen(128)

    def serve():
        while True:
            connection, _ = server.accept()
            threading.Thread(target=run, args=(handler, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def run(handler, connection):
    try:
        handler(connection)
    except OSError:
        pass
    finally:
        connection.close()


def echo(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(data)


def discard(connection):
    threading.Event().wait()


def source(connection):
    block = b'b' * 262144
    while True:
        connection.sendall(block)


def reset(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def after_end(connection):
    question = b''
    while True:
        data = connection.recv(65536)
        if not data:
            break
        question += data
    connection.sendall(b'answer to ' + question)


def farewell(connection):
    connection.sendall(bytes(300000))


def cut(connection):
    connection.recv(1)
    connection.sendall(bytes(1000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def refusal(connection):
    connection.recv(1)
    # Closed with bytes unread, the kernel resets it.
    connection.sendall(b'too large')


def six(connection):
    connection.sendall(b'six')


closed = socket.socket()
closed.bind(('127.0.0.1', 0))
ports = {
    'echo': listen(echo),
    'discard': listen(discard),
    'source': listen(source),
    'reset': listen(reset),
    'afterEnd': listen(after_end),
    'farewell': listen(farewell),
    'cut': listen(cut),
    'refusal': listen(refusal),
    'closed': closed.getsockname()[1],
}
try:
    ports['version6'] = listen(six, '::1')
except OSError:
    ports['version6'] = 0
closed.close()
print(json.dumps(ports), flush=True)
while os.read(0, 4096):
    pass
