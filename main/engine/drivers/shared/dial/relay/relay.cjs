// Berth's relay for Node: carries many connections to localhost over stdin and stdout. See ../protocol.ts.
// Runs in whatever Node an image has, so it keeps to ECMAScript 2015.
// @ts-nocheck: runs as it stands in any Node, and is read by Berth as text only.
'use strict'
// biome-ignore lint/style/useNodejsImportProtocol: old versions of Node do not know `node:`.
const net = require('net')

const HEADER = 9
const WINDOW = 1048576
const OPEN = 1
const OK = 2
const REFUSED = 3
const DATA = 4
const FIN = 5
const RST = 6
const WINDOW_UPDATE = 7

const input = new net.Socket({ fd: 0, readable: true, writable: false })
const output = new net.Socket({ fd: 1, readable: false, writable: true })
const connections = new Map()
let blocked = false

function header(id, type, value) {
  const bytes = Buffer.allocUnsafe(HEADER)
  bytes.writeUInt32BE(id, 0)
  bytes[4] = type
  bytes.writeUInt32BE(value, 5)
  return bytes
}

function send(id, type, value) {
  output.write(header(id, type, value))
}

function flow(connection) {
  if (!connection.socket) return
  if (blocked || connection.credit <= 0) connection.socket.pause()
  else connection.socket.resume()
}

output.on('drain', () => {
  blocked = false
  connections.forEach(flow)
})
output.on('error', () => process.exit(0))

function open(id, port, host, failed) {
  const socket = net.connect({ port, host, allowHalfOpen: true })
  const connection = { socket, credit: WINDOW, consumed: 0, connected: false, ended: false }
  connections.set(id, connection)
  socket.setNoDelay(true)
  socket.on('connect', () => {
    connection.connected = true
    send(id, OK, 0)
    flow(connection)
  })
  socket.on('data', (chunk) => {
    connection.credit -= chunk.length
    output.cork()
    output.write(header(id, DATA, chunk.length))
    if (!output.write(chunk)) blocked = true
    output.uncork()
    if (blocked) connections.forEach(flow)
    else if (connection.credit <= 0) socket.pause()
  })
  socket.on('end', () => {
    // libuv tells a reset that comes together with the last bytes as an end. After a reset even writing nothing fails;
    // where there is more to write, that will.
    if (connection.ended || socket.writableLength > 0) send(id, FIN, 0)
    else {
      socket.write(Buffer.alloc(0), (error) => {
        if (!error) send(id, FIN, 0)
      })
    }
  })
  socket.on('error', (error) => {
    if (connections.get(id) !== connection) return
    if (connection.connected) {
      connections.delete(id)
      send(id, RST, 0)
      return
    }
    const other = failed || ['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'].indexOf(error.code) < 0
    if (host === '127.0.0.1') {
      open(id, port, '::1', other)
    } else {
      connections.delete(id)
      send(id, REFUSED, other ? 2 : 1)
    }
  })
  socket.on('close', () => {
    if (connections.get(id) === connection) connections.delete(id)
  })
}

function control(id, type, value) {
  if (type === OPEN) {
    open(id, value, '127.0.0.1', false)
    return
  }
  const connection = connections.get(id)
  if (!connection) return
  if (type === FIN) {
    connection.ended = true
    connection.socket.end()
  } else if (type === RST) {
    connections.delete(id)
    if (connection.connected && connection.socket.resetAndDestroy) connection.socket.resetAndDestroy()
    else connection.socket.destroy()
  } else if (type === WINDOW_UPDATE) {
    connection.credit += value
    flow(connection)
  }
}

function deliver(id, piece) {
  const connection = connections.get(id)
  if (!connection) return
  connection.socket.write(piece, () => {
    connection.consumed += piece.length
    if (connection.consumed < WINDOW / 4 || connections.get(id) !== connection) return
    send(id, WINDOW_UPDATE, connection.consumed)
    connection.consumed = 0
  })
}

const head = Buffer.alloc(HEADER)
let headLength = 0
let current = 0
let payload = 0
input.on('data', (chunk) => {
  let at = 0
  while (at < chunk.length) {
    if (payload > 0) {
      const end = Math.min(chunk.length, at + payload)
      payload -= end - at
      deliver(current, chunk.slice(at, end))
      at = end
      continue
    }
    const taken = chunk.copy(head, headLength, at, at + HEADER - headLength)
    headLength += taken
    at += taken
    if (headLength < HEADER) return
    headLength = 0
    const id = head.readUInt32BE(0)
    const value = head.readUInt32BE(5)
    if (head[4] === DATA) {
      current = id
      payload = value
    } else {
      control(id, head[4], value)
    }
  }
})
input.on('end', () => process.exit(0))
input.on('error', () => process.exit(0))
output.write('BERTH-RELAY-1\n')
