import { describe, expect, it } from 'vitest'
import {
  type ProcessFacts,
  parseListeningSockets,
  parseProcesses,
  parseSocketOwners,
  parseUsers,
  toListeners,
} from './listening-table'

/** Taken from containers, headings and all. */
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2135 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8437143 1 0000000000000000 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 8437150 1 0000000000000000 100 0 0 10 0
   2: 0B00007F:A0F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8436001 1 0000000000000000 100 0 0 10 0
   3: 020011AC:D2F0 6E0C8368:01BB 06 00000000:00000000 03:00000C44 00000000     0        0 0 3 0000000000000000
   4: 0100007F:2135 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 8437199 1 0000000000000000 20 4 30 10 -1
   5: 020011AC:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 8437200 1 0000000000000000 100 0 0 10 0
`.split('\n')

const tcp6 =
  `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:2136 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9000001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 9000002 1 0000000000000000 100 0 0 10 0
   2: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9000003 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF00000100007F:2137 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9000004 1 0000000000000000 100 0 0 10 0
`.split('\n')

describe('the listening table', () => {
  it('reads IPv4 in the byte order of the machine, and leaves out what does not listen', () => {
    expect(parseListeningSockets(tcp)).toEqual([
      { port: 8501, address: '127.0.0.1', uid: 0, inode: '8437143' },
      { port: 8080, address: '0.0.0.0', uid: 1000, inode: '8437150' },
      { port: 3000, address: '172.17.0.2', uid: 1000, inode: '8437200' },
    ])
  })

  it('reads IPv6 word by word, and IPv4 inside it', () => {
    expect(parseListeningSockets(tcp6)).toEqual([
      { port: 8502, address: '::1', uid: 0, inode: '9000001' },
      { port: 8080, address: '::', uid: 1000, inode: '9000002' },
      { port: 80, address: '2001:db8::1', uid: 0, inode: '9000003' },
      { port: 8503, address: '127.0.0.1', uid: 0, inode: '9000004' },
    ])
  })

  it.each([
    '',
    'garbage',
    '0: 0100007F 0A',
    '0: XYZ:1F90 0:0 0A a b 0 0 0 1',
    '0: 0100007F:0000 0:0 0A a b c 0 0 1',
  ])('leaves out %j', (line) => expect(parseListeningSockets([line])).toEqual([]))
})

describe('owners', () => {
  it('gives the parent where several processes hold one socket', () => {
    const owners = parseSocketOwners(
      `/proc/40/fd:
lrwx------ 1 0 0 64 Jan  1 00:00 3 -> socket:[77]
/proc/7/fd:
lrwx------ 1 0 0 64 Jan  1 00:00 4 -> socket:[77]
lrwx------ 1 0 0 64 Jan  1 00:00 5 -> socket:[78]
/proc/self/fd:
lrwx------ 1 0 0 64 Jan  1 00:00 5 -> socket:[79]`.split('\n'),
    )
    expect([...owners]).toEqual([
      ['77', 7],
      ['78', 7],
    ])
  })

  it('reads names and command lines, without those that are gone', () => {
    expect(parseProcesses(['pid 7', 'node', 'node server.js  --a ', 'pid 8', '', ''])).toEqual([
      { pid: 7, name: 'node', command: 'node server.js  --a' },
    ])
  })

  it('reads users', () => {
    expect([
      ...parseUsers(['root:x:0:0:root:/root:/bin/sh', '', 'dev:x:1000:1000::/home/dev:', 'bad']),
    ]).toEqual([
      [0, 'root'],
      [1000, 'dev'],
    ])
  })
})

describe('what is shown', () => {
  const facts: Record<string, ProcessFacts> = {
    a: { pid: 1, name: 'node', command: 'node a' },
    b: { pid: 1, name: 'node', command: 'node a' },
    own: { pid: 9, name: 'sh', command: 'sh berth-ports' },
  }
  const show = (...sockets: [address: string, port: number, inode: string][]) =>
    toListeners(
      sockets.map(([address, port, inode]) => ({ address, port, inode, uid: 0 })),
      (inode) => facts[inode],
      (uid) => (uid === 0 ? 'root' : undefined),
      (command) => command.includes('berth-'),
    ).map((listener) => `${listener.address} ${listener.port} ${listener.process?.user ?? '?'}`)

  it('is one of two twins of the same process', () => {
    expect(show(['::', 80, 'a'], ['0.0.0.0', 80, 'b'])).toEqual(['0.0.0.0 80 root'])
    expect(show(['::1', 80, 'a'], ['127.0.0.1', 80, 'b'])).toEqual(['127.0.0.1 80 root'])
    expect(show(['::1', 80, 'a'], ['127.0.0.1', 80, 'other'])).toHaveLength(2)
    expect(show(['::', 80, 'a'])).toEqual(['::  80 root'.replace('  ', ' ')])
  })

  it('is each address once, sorted, and nothing of ours', () => {
    expect(
      show(['127.0.0.1', 90, 'x'], ['127.0.0.1', 80, 'a'], ['127.0.0.1', 80, 'b'], ['0.0.0.0', 70, 'own']),
    ).toEqual(['127.0.0.1 80 root', '127.0.0.1 90 ?'])
  })
})
