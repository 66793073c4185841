"""Apps on localhost, one per way in which a connection can behave. Prints their ports as JSON, then serves until stdin ends."""
import json
import os
import socket
import threading


def listen(handler, address='127.0.0.1'):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((address, 0))
    server.listen(128)
    threading.Thread(target=accepted, args=(server, handler), daemon=True).start()
    return server.getsockname()[1]


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
