import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { StoredIdlePolicy, Workspace } from '#contract'
import { systemClock } from '../platform/clock'
import { Collection } from '../platform/collection'
import { silentLogger } from '../platform/logger'
import type { Platform } from '../platform/platform'
import { parseActivity } from './activity'
import { removeWithProcesses } from './agent/local-agent.suite'
import { LocalDriver } from './agent/local-driver.suite'
import type { AgentBinaries } from './agent/place'
import { shippedAgents } from './agent/shipped'
import { createLinks } from './index'
import { SshProtocolError } from './ssh/connection'

/** The agent itself, as it is shipped, on this machine: which is Linux, as workspaces are. */
const isPossible = process.platform === 'linux'
const resources = join(import.meta.dirname, '../../../resources')
const policy: StoredIdlePolicy = { minutes: 30, whileClosed: true }

const disposers: (() => void)[] = []
afterEach(() => {
  for (const dispose of disposers.splice(0).reverse()) dispose()
})

/** Several engines may be open on one workspace, each with a link of its own. */
function openWorkspace(state: Workspace['state'] = 'running') {
  const folder = mkdtempSync(join(tmpdir(), 'berth-activity-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const local = new LocalDriver({ PATH: process.env.PATH ?? '', HOME: home, BERTH_AGENT_FOLDER: folder })
  const workspaces = new Collection<Workspace>()
  const user = {
    name: 'me',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    home,
    shell: '/bin/sh',
  }
  const definition = { workspaceFolder: home, remoteEnv: {} }
  const set = (now: Workspace['state']) =>
    workspaces.set({
      id: 'one',
      state: now,
      ...(now === 'running' && { incarnation: '1' }),
      user,
      definition,
    } as unknown as Workspace)
  set(state)
  disposers.push(() => {
    local.cut()
    removeWithProcesses(folder)
  })
  const openLink = (agents: AgentBinaries = shippedAgents(resources), clock = systemClock) => {
    const links = createLinks({
      platform: {
        clock,
        logger: silentLogger,
        env: {},
        folders: { resources },
      } as unknown as Platform,
      workspaces,
      driverOf: () => local.driver,
      agents,
    })
    disposers.push(() => links.dispose())
    return links.get('one')
  }
  return { local, openLink, set }
}

describe.skipIf(!isPossible)('the activity of a link', () => {
  it('is what is done over any engine, and the agent knows the policy', async () => {
    const { openLink } = openWorkspace()
    const [one, other] = [openLink().activity, openLink().activity]
    const over = new AbortController()
    one.attend(
      () => policy,
      () => undefined,
      over.signal,
    )
    await expect.poll(() => one.isArmed).toBe(true)
    expect(one.last?.reason).toBe('began')
    // This machine is nothing that an agent may end.
    expect(one.cannotEnd).toBe('own-command')
    other.accompany(over.signal)
    await expect.poll(() => other.isWatched).toBe(true)
    other.mark('traffic', '3000')
    await expect.poll(() => one.last).toMatchObject({ reason: 'traffic', what: '3000' })
    // Who only accompanies takes nobody's policy away.
    expect(one.isArmed).toBe(true)
    over.abort()
    await expect.poll(() => one.isWatched).toBe(false)
  })

  it('is attended to by one after another, without a pause between', async () => {
    const { openLink } = openWorkspace()
    const { activity } = openLink()
    for (let count = 0; count < 5; count += 1) {
      const over = new AbortController()
      activity.attend(
        () => policy,
        () => undefined,
        over.signal,
      )
      await expect.poll(() => activity.isArmed).toBe(true)
      over.abort()
    }
  })

  it('is told to the agent again after the connection was lost', async () => {
    const { local, openLink } = openWorkspace()
    const { activity } = openLink()
    const watched: boolean[] = []
    activity.attend(
      () => policy,
      () => {
        if (watched.at(-1) !== activity.isWatched) watched.push(activity.isWatched)
      },
      new AbortController().signal,
    )
    await expect.poll(() => activity.isArmed).toBe(true)
    expect(watched).toEqual([true])
    local.cut()
    await expect.poll(() => watched).toEqual([true, false, true])
    await expect.poll(() => activity.isArmed).toBe(true)
  })

  it('counts without an agent as well', () => {
    const { openLink } = openWorkspace('stopped')
    const { activity } = openLink()
    expect(activity.last).toBeUndefined()
    activity.mark('input', 'bash')
    activity.mark('input', 'vim')
    // The same again so soon is not worth a word.
    expect(activity.last).toMatchObject({ reason: 'input', what: 'bash' })
    activity.mark('traffic', '80')
    expect(activity.last).toMatchObject({ reason: 'traffic', what: '80' })
  })

  it('is told to the agent though connecting to it took some seconds', async () => {
    const { openLink, set } = openWorkspace('stopped')
    let late = 0
    const clock = { ...systemClock, now: () => systemClock.now() + late }
    const [one, other] = [openLink().activity, openLink(shippedAgents(resources), clock).activity]
    const over = new AbortController()
    one.attend(
      () => policy,
      () => undefined,
      over.signal,
    )
    other.accompany(over.signal)
    other.mark('command', 'true')
    late = 7_000
    set('running')
    await expect.poll(() => one.last).toMatchObject({ reason: 'command', what: 'true' })
    over.abort()
  })

  it('keeps nobody waiting where no agent can run', async () => {
    const { openLink } = openWorkspace()
    const none = { facts: async () => undefined, read: () => Promise.reject(new Error('there is none')) }
    const { activity } = openLink(none)
    const over = new AbortController()
    activity.accompany(over.signal)
    activity.mark('command', 'true')
    await activity.delivered(new AbortController().signal)
    expect(activity.isWatched).toBe(false)
    over.abort()
  })

  it('starts nothing in a workspace that is stopped, however much follows it', async () => {
    const { local, openLink, set } = openWorkspace('stopped')
    const link = openLink()
    const over = new AbortController()
    disposers.push(() => over.abort())
    link.activity.attend(
      () => policy,
      () => undefined,
      over.signal,
    )
    link.activity.mark('input', 'bash')
    const tables = link.listeners(over.signal)[Symbol.asyncIterator]()
    expect((await tables.next()).value).toEqual({ available: false })
    const terminals = link.terminals.follow(over.signal)[Symbol.asyncIterator]()
    void terminals.next().catch(() => undefined)
    link.stir()
    await expect(link.terminals.open('abc', {}, AbortSignal.timeout(500))).rejects.toThrow()
    expect(local.started).toEqual([])
    // All of it waits for nothing but this.
    set('running')
    await expect.poll(() => link.activity.isArmed).toBe(true)
    set('stopped')
    await expect.poll(() => link.activity.isWatched).toBe(false)
    const before = local.started.length
    local.cut()
    link.activity.mark('output', 'make')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(local.started.length).toBe(before)
  })
})

describe('a line of the agent', () => {
  it('is read', () => {
    const line = {
      last: { reason: 'input', what: 'vim', at: 1_000 },
      now: 4_000,
      policy: null,
      cannot: 'other-user',
    }
    expect(parseActivity(JSON.stringify(line))).toEqual({
      reason: 'input',
      what: 'vim',
      ago: 3_000,
      cannotEnd: 'other-user',
      policy: null,
    })
  })

  it.each(['', '{', 'null', '[]', '{}', '{"last":null,"now":1}', '{"last":{"reason":1,"at":1},"now":1}'])(
    'is refused where it is none: %s',
    (line) => {
      expect(() => parseActivity(line)).toThrow(SshProtocolError)
    },
  )

  it('is never from the future', () => {
    const line = { last: { reason: 'input', what: '', at: 9_000 }, now: 4_000, policy: null }
    expect(parseActivity(JSON.stringify(line)).ago).toBe(0)
  })
})
