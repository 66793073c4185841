import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { systemClock } from '../../../platform/clock'
import { dialerOf, node, type Pair, refuse } from './fake-node'
import { fakeProcess } from './fakes'

const never = new AbortController().signal
/** A hundred times as fast. */
const hurried = {
  now: systemClock.now,
  sleep: (ms: number, over?: AbortSignal) => systemClock.sleep(ms / 100, over),
}
/** One on which no time passes, however long the machine holds a test up. */
const still = {
  now: systemClock.now,
  sleep: (_: number, over?: AbortSignal) =>
    new Promise<void>((_resolve, reject) => {
      over?.addEventListener('abort', () => reject(over.reason), { once: true })
    }),
}
const tick = () => new Promise((resolve) => setTimeout(resolve, 5))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await tick()
}

describe('dial with a pod that tells what listens in it', () => {
  const heading = '  sl  local_address rem_address   st tx_queue rx_queue'
  const at = (address: string, port: number, state = '0A', remote = '00000000:0000') =>
    `   0: ${address}:${port.toString(16).toUpperCase()} ${remote} ${state} 00000000:00000000`
  const LOCALHOST = '0100007F'
  const VERSION6 = '00000000000000000000000001000000'
  /** A pod whose tables are `lines` whenever it is asked. */
  const pod = (lines: () => readonly string[]) => {
    const processes: ReturnType<typeof fakeProcess>[] = []
    const exec = async () => {
      const process = fakeProcess((stdin, stdout) => {
        stdin.on('data', () => stdout.write(`${[heading, ...lines()].join('\n')}\n\n.\n`))
      })
      processes.push(process)
      return process.near
    }
    return { exec, processes }
  }

  it('is open where it listens, though neither side has said anything', async () => {
    const asked: number[] = []
    const silent = node((pair) => asked.push(pair.port))
    const dialer = dialerOf(silent, { exec: pod(() => [at(LOCALHOST, 7001)]).exec })
    await dialer.dial('pod', 7001, never)
    await until(() => asked.length > 0)
    expect(asked).toEqual([7001])
  })

  it('is refused where nothing listens, however late the node says so', async () => {
    let refuseLate: (() => void) | undefined
    const slow = node((pair) => {
      refuseLate = () => refuse(pair)
    })
    const { exec, processes } = pod(() => [at(LOCALHOST, 7002)])
    const dialer = dialerOf(slow, { exec })
    let settled = false
    const dialled = dialer.dial('pod', 7001, never).finally(() => {
      settled = true
    })
    await until(() => (processes[0]?.answers ?? 0) > 0 && refuseLate !== undefined)
    await tick()
    expect(settled).toBe(false)
    refuseLate?.()
    await expect(dialled).rejects.toMatchObject({ problem: { code: 'port-refused' } })
  })

  it('is refused where nothing listens and the node says nothing', async () => {
    const silent = node(() => undefined)
    const dialer = dialerOf(silent, { exec: pod(() => []).exec, clock: hurried })
    await expect(dialer.dial('pod', 7001, never)).rejects.toMatchObject({
      problem: { code: 'port-refused' },
    })
  })

  it('asks the node as well where the pod is slow to tell', async () => {
    const slow = pod(() => [])
    let answer = () => undefined as unknown
    const exec = async () => {
      await new Promise<void>((resolve) => {
        answer = () => resolve()
      })
      return slow.exec()
    }
    let refusing: (() => void) | undefined
    const asked: number[] = []
    const dialer = dialerOf(
      node((pair) => {
        asked.push(pair.port)
        if (pair.port === 7001) return
        refusing = () => refuse(pair)
      }),
      { exec },
    )
    const open = dialer.dial('pod', 7001, never)
    await until(() => refusing !== undefined)
    expect(asked).toEqual([7001, 1])
    refusing?.()
    ;(await open).destroy()
    answer()
  })

  it('does not take one connection that was not refused yet for a sign of the next', async () => {
    let time = 1_000_000
    let listens = true
    const silent = node(() => undefined)
    const { exec } = pod(() => (listens ? [at(LOCALHOST, 7001)] : []))
    const dialer = dialerOf(silent, { exec, clock: { ...hurried, now: () => time } })
    ;(await dialer.dial('pod', 7001, never)).destroy()
    listens = false
    time += 900
    ;(await dialer.dial('pod', 7001, never)).destroy()
    time += 900
    await expect(dialer.dial('pod', 7001, never)).rejects.toMatchObject({
      problem: { code: 'port-refused' },
    })
  })

  it('takes what is connected without a listener for what the node makes of it', async () => {
    const dialer = dialerOf(
      node((pair) => {
        if (pair.port !== 7001) refuse(pair)
      }),
      { exec: pod(() => [at(LOCALHOST, 7001, '01', '0100007F:C000')]).exec },
    )
    await dialer.dial('pod', 7001, never)
  })

  it.each([
    ['and the node refuses', refuse],
    ['and the node is silent', () => undefined],
  ])('goes the other way to ::1, %s, and first the next time', async (_, connect) => {
    const other = new Duplex({ read: () => undefined })
    const asked: number[] = []
    const { sessions, spdy } = node(connect)
    const dialer = dialerOf(
      { spdy },
      {
        exec: pod(() => [at(VERSION6, 7001)]).exec,
        otherWay: async (_, port) => {
          asked.push(port)
          return other
        },
      },
    )
    expect(await dialer.dial('pod', 7001, never)).toBe(other)
    const opened = () => sessions.flatMap((session) => session.opened).length
    const before = opened()
    expect(await dialer.dial('pod', 7001, never)).toBe(other)
    expect(asked).toEqual([7001, 7001])
    expect(opened()).toBe(before)
  })

  it('takes the node’s word on ::1 where there is no other way', async () => {
    const dialer = dialerOf(
      node((pair) => (pair.port === 7001 ? pair.data.push('six') : refuse(pair))),
      {
        exec: pod(() => [at(VERSION6, 7001)]).exec,
        otherWay: () =>
          Promise.reject(new ProblemError({ code: 'dial-unsupported', title: '', cause: '', remedy: '' })),
      },
    )
    const [reply] = (await once(await dialer.dial('pod', 7001, never), 'data')) as [Buffer]
    expect(reply.toString()).toBe('six')
  })

  it('asks by one process for as long as that lives, and by another one then', async () => {
    const { exec, processes } = pod(() => [7001, 7002, 7003].map((port) => at(LOCALHOST, port)))
    const dialer = dialerOf(
      node(() => undefined),
      { exec },
    )
    await dialer.dial('pod', 7001, never)
    await dialer.dial('pod', 7002, never)
    expect(processes).toHaveLength(1)
    processes[0]?.end(137)
    await dialer.dial('pod', 7003, never)
    expect(processes).toHaveLength(2)
    dialer.dispose()
    expect(processes[1]?.destroyed).toBe(true)
  })

  it.each([
    ['no shell', (process: ReturnType<typeof fakeProcess>) => process.end(127)],
    ['no cat', (process: ReturnType<typeof fakeProcess>) => process.say('\n.\n')],
  ])('takes the node’s word where there is %s, and does not ask again', async (_, answer) => {
    let started = 0
    const dialer = dialerOf(
      node((pair) => {
        if (pair.port < 7000 || pair.port === 9000) refuse(pair)
      }),
      {
        exec: async () => {
          started++
          const process = fakeProcess((stdin) => stdin.once('data', () => answer(process)))
          return process.near
        },
      },
    )
    await dialer.dial('pod', 7001, never)
    await dialer.dial('pod', 7002, never)
    await expect(dialer.dial('pod', 9000, never)).rejects.toMatchObject({
      problem: { code: 'port-refused' },
    })
    expect(started).toBe(1)
  })
})

describe('dial for a client that speaks first', () => {
  /** What was said, and which of it was sent. */
  const speaker = (...said: string[]) => {
    const sent: string[] = []
    const words = {
      said: () => Buffer.from(said.join('')),
      sent: (bytes: Buffer) => void sent.push(bytes.toString()),
    }
    return { words, said, sent }
  }
  const complain = (pair: Pair, complaint: string) => {
    pair.error.push(complaint)
    pair.error.push(null)
    pair.data.push(null)
  }

  it('is open with the answer to what was said, and asks nobody what listens', async () => {
    const asked: number[] = []
    let looked = 0
    const exec = () => {
      looked += 1
      return new Promise<never>(() => undefined)
    }
    const dialer = dialerOf(
      node((pair) => {
        asked.push(pair.port)
        pair.data.listen((bytes) => pair.data.push(`answer to ${bytes}`))
      }),
      { exec, clock: still },
    )
    const { words, sent } = speaker('hello')
    const connection = await dialer.dial('pod', 7001, never, words)
    const [answer] = (await once(connection, 'data')) as [Buffer]
    expect(answer.toString()).toBe('answer to hello')
    expect(sent).toEqual(['hello'])
    expect(asked).toEqual([7001])
    expect(looked).toBe(0)
  })

  it('is refused as ever, and says the words again to who listens later', async () => {
    let listens = false
    const heard: string[] = []
    const dialer = dialerOf(
      node((pair) => {
        if (!listens) return refuse(pair)
        pair.data.listen((bytes) => {
          heard.push(bytes.toString())
          pair.data.push('yes')
        })
      }),
    )
    const { words, said, sent } = speaker('one')
    await expect(dialer.dial('pod', 7001, never, words)).rejects.toMatchObject({
      problem: { code: 'port-refused' },
    })
    expect(sent).toEqual([])
    listens = true
    said.push(' two')
    await dialer.dial('pod', 7001, never, words)
    expect(heard).toEqual(['one two'])
    expect(sent).toEqual(['one two'])
  })

  it('says again what a node never came to pass on', async () => {
    let tries = 0
    const heard: string[] = []
    const dialer = dialerOf(
      node((pair) => {
        tries += 1
        if (tries === 1) return complain(pair, 'error forwarding port 7001 to pod: container not running')
        pair.data.listen((bytes) => {
          heard.push(bytes.toString())
          pair.data.push('yes')
        })
      }),
    )
    const { words } = speaker('order')
    await dialer.dial('pod', 7001, never, words)
    expect(tries).toBe(2)
    expect(heard).toEqual(['order'])
  })

  it('never says again what may have been heard: the client sees the connection break', async () => {
    const heard: string[] = []
    const dialer = dialerOf(
      node((pair) => {
        pair.data.listen((bytes) => {
          heard.push(bytes.toString())
          complain(pair, 'the stream between server and node broke')
        })
      }),
    )
    const { words, sent } = speaker('order')
    const connection = await dialer.dial('pod', 7001, never, words)
    if (!connection.closed) await once(connection, 'close')
    expect(connection.errored?.message).toContain('was lost')
    expect(heard).toEqual(['order'])
    expect(sent).toEqual(['order'])
  })

  it('does not wait for ever for an app that thinks before it answers', async () => {
    const dialer = dialerOf(
      node((pair) => {
        if (pair.port !== 7001) refuse(pair)
      }),
      { clock: hurried },
    )
    const { words, sent } = speaker('think')
    await dialer.dial('pod', 7001, never, words)
    expect(sent).toEqual(['think'])
  })
})
