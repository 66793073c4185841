import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import type { Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import type { TestEngine } from '../ports/engine'
import { TestWindow } from './window'

// What survives is heard by a program that says all the time where it is, and repeats what it is told.

/** A bound for what hangs: all of it is a matter of seconds, and a busy machine takes its time. */
export const LIMIT = { timeout: 150_000, interval: 100 }

/**
 * A command that prints a numbered line ten times a second until /tmp/<mark> is there, and each word that it is typed.
 * After its last number it makes /tmp/<mark>-told.
 */
export const talk = (mark: string): string[] => [
  'sh',
  '-c',
  `stty -echo
(line=0; until [ -e /tmp/${mark} ]; do line=$((line+1)); echo "line <$line>"; sleep 0.1; done; echo "last <$line>"; echo > /tmp/${mark}-told) &
while read -r word; do echo "typed <$word>"; done`,
]

/** What such a program was heard to say: its numbers and words, and the number that is to be the last. */
export function heard(said: string) {
  const all = (pattern: RegExp) => [...said.matchAll(pattern)].map(([, found]) => found ?? '')
  const [last] = all(/last <(\d+)>/g)
  return {
    numbers: all(/line <(\d+)>/g).map(Number),
    words: all(/typed <(\w+)>/g),
    last: last === undefined ? undefined : Number(last),
  }
}

/** Every number once, in order, up to the last; and these words. */
export function expectWhole(said: string, words: readonly string[]): void {
  const { last, numbers, words: found } = heard(said)
  expect(numbers).toEqual(Array.from({ length: last ?? -1 }, (_, at) => at + 1))
  expect(found).toEqual(words)
}

/** The talk in a terminal of an engine, with a window on it, once it has begun. */
export async function startTalk(test: TestEngine, workspace: Workspace, mark: string) {
  const { sessionId } = await test.engine.call('sessions.create', {
    workspaceId: workspace.id,
    columns: 80,
    rows: 24,
    command: talk(mark),
  })
  const window = new TestWindow(test.engine, sessionId)
  const said = () => heard(window.text)
  await window.until('the beginning', () => said().numbers.length > 5)
  return {
    state: () => test.engine.collections.sessions.get(sessionId)?.state,
    words: () => said().words,
    type: (word: string) => window.type(`${word}\r`),
    hears: (word: string) => window.until(word, () => said().words.includes(word), LIMIT.timeout),
    /** All of it was said, with these words, and nothing twice; it was told to end. */
    async wasWhole(words: readonly string[]): Promise<void> {
      await window.until('the end', () => said().last !== undefined, LIMIT.timeout)
      expectWhole(window.text, words)
    },
    async close(): Promise<void> {
      window.close()
      await test.engine.call('sessions.close', { sessionId })
    },
  }
}

/** A server in a workspace with Python, forwarded. */
export async function startServer(test: TestEngine, workspace: Workspace, port: number) {
  await test.background(workspace.id, `cd /usr && exec python3 -m http.server ${port} --bind 127.0.0.1`)
  const url = await addressOf(test, workspace, port)
  return {
    /** It is told to be there, and answers at the address that it has had from the start. */
    async answers(): Promise<void> {
      expect(await addressOf(test, workspace, port)).toBe(url)
      expect(await fetched(url)).toContain('Directory listing')
    },
  }
}

/** Where a port of a workspace is forwarded to, once it is told that something listens. */
export async function addressOf(test: TestEngine, workspace: Workspace, port: number): Promise<string> {
  const found = await waitFor(
    test.engine.collections.ports,
    `${workspace.id}:${port}`,
    (one) => one?.state === 'live' && one.forward !== undefined,
    AbortSignal.timeout(LIMIT.timeout),
  )
  return `http://127.0.0.1:${found?.forward?.localPort}/`
}

/** What stands at an address. */
export function fetched(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(LIMIT.timeout)
    get(url, { agent: false, signal }, (response) => resolve(text(response))).on('error', reject)
  })
}
