import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { EngineState, HostReport, HostRequest } from '#contract'
import { type EngineProcess, EngineSupervisor, RESTART_DELAYS } from './engine-supervisor'

class FakeProcess implements EngineProcess<string> {
  readonly sent: [HostRequest, string | undefined][] = []
  readonly #onReport: ((report: HostReport) => void)[] = []
  readonly #onExit: ((code: number | null) => void)[] = []
  answers = true
  killed = false

  send(message: HostRequest, port?: string) {
    this.sent.push([message, port])
    if (message.type === 'ping' && this.answers) this.report({ type: 'pong', id: message.id })
  }
  onReport(listener: (report: HostReport) => void) {
    this.#onReport.push(listener)
  }
  onExit(listener: (code: number | null) => void) {
    this.#onExit.push(listener)
  }
  kill() {
    this.killed = true
    this.exit(null)
  }
  lastWords = () => 'last words'
  report(report: HostReport) {
    for (const listener of this.#onReport) listener(report)
  }
  exit(code: number | null) {
    for (const listener of this.#onExit) listener(code)
  }
}

function supervise() {
  const processes: FakeProcess[] = []
  const states: EngineState[] = []
  const activity = vi.fn()
  const notice = vi.fn()
  const supervisor = new EngineSupervisor<string>({
    start: () => {
      const child = new FakeProcess()
      processes.push(child)
      return child
    },
    onState: (state) => states.push(state),
    onActivity: activity,
    onNotice: notice,
    log: { warn: () => undefined },
  })
  const newest = () => {
    const child = processes.at(-1)
    if (!child) throw new Error('no process')
    return child
  }
  return { supervisor, processes, states, activity, notice, newest }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('EngineSupervisor', () => {
  it('starts once and reports ready', () => {
    const { supervisor, processes, states, newest } = supervise()
    supervisor.start()
    supervisor.start()
    newest().report({ type: 'ready' })
    expect(processes).toHaveLength(1)
    expect(states).toEqual([{ state: 'starting' }, { state: 'ready' }])
    supervisor.connect('a port')
    expect(newest().sent).toContainEqual([{ type: 'connect' }, 'a port'])
  })

  it('starts again after each crash, ever later, and gives up with a Problem that has a remedy', () => {
    const { supervisor, processes, states, newest } = supervise()
    supervisor.start()
    for (const delay of RESTART_DELAYS) {
      newest().exit(3)
      expect(states.at(-1)).toMatchObject({
        state: 'crashed',
        retryInMilliseconds: delay,
        problem: { code: 'engine-crashed', detail: 'last words' },
      })
      const count = processes.length
      vi.advanceTimersByTime(delay - 1)
      expect(processes).toHaveLength(count)
      vi.advanceTimersByTime(1)
      expect(processes).toHaveLength(count + 1)
      newest().report({ type: 'ready' })
    }
    newest().exit(3)
    const last = states.at(-1)
    expect(last).toMatchObject({ state: 'crashed', problem: { actions: [{ kind: 'retry' }] } })
    expect(last).not.toHaveProperty('retryInMilliseconds')
    vi.advanceTimersByTime(3_600_000)
    expect(processes).toHaveLength(RESTART_DELAYS.length + 1)

    supervisor.restart()
    newest().exit(3)
    expect(states.at(-1)).toMatchObject({ retryInMilliseconds: RESTART_DELAYS[0] })
  })

  it('forgets crashes after a good while', () => {
    const { supervisor, states, newest } = supervise()
    supervisor.start()
    newest().exit(1)
    vi.advanceTimersByTime(RESTART_DELAYS[0])
    vi.advanceTimersByTime(120_000)
    newest().exit(1)
    expect(states.at(-1)).toMatchObject({ retryInMilliseconds: RESTART_DELAYS[0] })
  })

  it('kills an engine that hangs, and no other', () => {
    const { supervisor, newest, processes } = supervise()
    supervisor.start()
    vi.advanceTimersByTime(600_000)
    expect(newest().killed).toBe(false)
    const hanging = newest()
    hanging.answers = false
    vi.advanceTimersByTime(60_000)
    expect(hanging.killed).toBe(true)
    expect(processes).toHaveLength(2)
    vi.advanceTimersByTime(600_000)
    expect(newest().killed).toBe(false)
  })

  it('passes a word for the system on', () => {
    const { supervisor, activity, notice, newest } = supervise()
    supervisor.start()
    newest().report({ type: 'notice', title: 'one stops in 5 min', body: 'Nothing has happened in it.' })
    expect(notice).toHaveBeenCalledExactlyOnceWith('one stops in 5 min', 'Nothing has happened in it.')
    expect(activity).not.toHaveBeenCalled()
  })

  it('says that nothing is open any more when the engine is gone', () => {
    const { supervisor, activity, newest } = supervise()
    supervisor.start()
    newest().report({ type: 'activity', sessions: 2, forwards: 1, transfers: 0 })
    expect(activity).toHaveBeenLastCalledWith(
      expect.objectContaining({ sessions: 2, forwards: 1, transfers: 0 }),
    )
    newest().exit(1)
    expect(activity).toHaveBeenLastCalledWith({ sessions: 0, forwards: 0, transfers: 0 })
  })

  it('ends the engine politely, and by force when it takes too long; neither is a crash', async () => {
    for (const polite of [true, false]) {
      const { supervisor, newest, processes, states } = supervise()
      supervisor.start()
      const stopped = supervisor.stop()
      expect(newest().sent.at(-1)).toEqual([{ type: 'shutdown' }, undefined])
      if (polite) newest().exit(0)
      else vi.advanceTimersByTime(5_000)
      await stopped
      expect(newest().killed).toBe(!polite)
      vi.advanceTimersByTime(600_000)
      expect(processes).toHaveLength(1)
      expect(states).toEqual([{ state: 'starting' }])
    }
  })

  it('stops at once while waiting to start again', async () => {
    const { supervisor, newest, processes } = supervise()
    supervisor.start()
    newest().exit(1)
    await supervisor.stop()
    vi.advanceTimersByTime(600_000)
    expect(processes).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})
