import { describe, expect, it } from 'vitest'
import { parseAgentTable } from './agent/listeners'
import {
  type ProcessFacts,
  parseDatagramSockets,
  parseListeningSockets,
  parseProcesses,
  parseSocketOwners,
  parseUsers,
  toListeners,
} from './listening-table'
import { noOthers, type OtherSockets, parseUnixSockets, toOtherListeners } from './other-listeners'

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

describe('what listens beside TCP', () => {
  const udp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 2250: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 71 2 0000000000000000 0
 2251: 0100007F:14EA 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 72 2 0000000000000000 0
 2252: 0B00007F:A0F1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 73 2 0000000000000000 0
 2253: 00000000:8000 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 74 2 0000000000000000 0
 2254: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 75 2 0000000000000000 0`
  const unix = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01    81 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 82 @hidden
0000000000000000: 00000003 00000000 00000000 0001 03 83 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 84 /tmp/berth-agent-0/agent.sock`
  const lines = `${udp}\n${unix}`.split('\n')
  const show = (others: OtherSockets) =>
    toOtherListeners(
      others,
      (inode) => (inode === '71' ? { pid: 1, name: 'mdns', command: 'mdns' } : undefined),
      () => 'root',
      () => false,
    ).map(({ kind, address, process }) => `${kind} ${address} ${process?.name ?? '?'}`)

  it('is what serves over UDP or at a path, without what only sends, and nothing of ours', () => {
    const read = { datagrams: parseDatagramSockets(lines), paths: parseUnixSockets(lines) }
    expect(show(read)).toEqual(['udp [::]:5353 ?', 'udp 127.0.0.1:5353 mdns', 'unix /run/a b.sock ?'])
    expect(show(noOthers)).toEqual([])
  })

  it('is the same as the agent tells it', () => {
    const listeners = [
      { kind: 'udp4', address: '127.0.0.1', port: 5353, inode: '71', uid: 0 },
      { kind: 'udp4', address: '127.0.0.11', port: 53, inode: '73', uid: 0 },
      { kind: 'udp6', address: '::', port: 5353, inode: '75', uid: 0 },
      { kind: 'unix', path: '/run/a b.sock', inode: '81' },
      { kind: 'unix', inode: '82' },
      { kind: 'tcp6', address: '::ffff:127.0.0.1', port: 80, inode: '90', uid: 0 },
    ]
    const table = parseAgentTable(JSON.stringify({ listeners }))
    expect(show(table.others)).toEqual(['udp [::]:5353 ?', 'udp 127.0.0.1:5353 mdns', 'unix /run/a b.sock ?'])
    expect(table.sockets).toEqual([{ address: '127.0.0.1', port: 80, inode: '90', uid: 0 }])
  })
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

  it('is the first process of several that share an address', () => {
    facts.late = { pid: 7, name: 'worker', command: 'worker' }
    expect(show(['127.0.0.1', 80, 'late'], ['127.0.0.1', 80, 'a'])).toEqual(['127.0.0.1 80 root'])
    const [listener] = toListeners(
      ['late', 'a'].map((inode) => ({ address: '127.0.0.1', port: 80, inode, uid: 0 })),
      (inode) => facts[inode],
      () => undefined,
      () => false,
    )
    expect(listener?.process?.pid).toBe(1)
  })

  it('is each address once, sorted, and nothing of ours', () => {
    expect(
      show(['127.0.0.1', 90, 'x'], ['127.0.0.1', 80, 'a'], ['127.0.0.1', 80, 'b'], ['0.0.0.0', 70, 'own']),
    ).toEqual(['127.0.0.1 80 root', '127.0.0.1 90 ?'])
  })
})
