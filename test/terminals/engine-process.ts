import { createInterface } from 'node:readline'
import { waitFor } from '../../main/engine/platform/collection'
import { startEngine } from '../ports/engine'
import { TestWindow } from './window'

/**
 * An engine in a process of its own, to be halted: opens a terminal in a workspace that is there, and a window on it.
 * Arguments: the environment (JSON), the workspace's id, a command (JSON). Prints a JSON line for what the window was
 * sent, and for each state of the session; each line of its input is typed. Closes the terminal when that ends.
 */
const [, , env = '{}', workspaceId = '', command = '[]'] = process.argv
const say = (line: { readonly text?: string; readonly state?: string | undefined }) =>
  process.stdout.write(`${JSON.stringify(line)}\n`)

const { engine, follow, leave } = await startEngine(JSON.parse(env) as Record<string, string>)
follow(workspaceId)
await waitFor(engine.collections.workspaces, workspaceId, (found) => found?.state === 'running')
const { sessionId } = await engine.call('sessions.create', {
  workspaceId,
  columns: 80,
  rows: 24,
  command: JSON.parse(command) as string[],
})
let state: string | undefined
engine.collections.sessions.onChange(() => {
  const now = engine.collections.sessions.get(sessionId)?.state
  if (now !== state) say({ state: now })
  state = now
})
const window = new TestWindow(engine, sessionId)
let told = 0
const telling = setInterval(() => {
  if (window.text.length === told) return
  say({ text: window.text.slice(told) })
  told = window.text.length
}, 50)
for await (const line of createInterface({ input: process.stdin })) window.type(`${line}\r`)
clearInterval(telling)
await engine.call('sessions.close', { sessionId })
window.close()
await leave()
