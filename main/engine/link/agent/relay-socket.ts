import type { RelaySocket } from '../../drivers/driver'
import type { SshConnection } from '../ssh/connection'

/** How long an agent may take to say where its relay is, in milliseconds. */
const ANSWER_LIMIT = 1_000
/** Key and proof, in hexadecimal. */
const SECRET = /^[0-9a-f]{64}$/

/** One question to each agent: what it says does not change. */
const asked = new WeakMap<SshConnection, Promise<RelaySocket | undefined>>()
const unanswered = new WeakSet<SshConnection>()

/** Whether it was asked and has said nothing yet: then {@link relaySocketOf} gives none for now, and may give one later. */
export const isUnanswered = (connection: SshConnection): boolean => unanswered.has(connection)

/**
 * Where the agent's relay is (PROTOCOL.md, `relay@berth.dev`). Undefined where it has none, or does not say so soon. Never
 * rejects.
 */
export async function relaySocketOf(connection: SshConnection): Promise<RelaySocket | undefined> {
  let answer = asked.get(connection)
  if (!answer) {
    answer = ask(connection)
    asked.set(connection, answer)
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ANSWER_LIMIT)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

async function ask(connection: SshConnection): Promise<RelaySocket | undefined> {
  unanswered.add(connection)
  try {
    return parseRelaySocket((await connection.request('relay@berth.dev')).text())
  } catch {
    return undefined
  } finally {
    unanswered.delete(connection)
  }
}

/** Throws, or undefined, on what is none. */
function parseRelaySocket(text: string): RelaySocket | undefined {
  const { key, path, pid, proof } = JSON.parse(text) as { readonly [name: string]: unknown }
  if (typeof path !== 'string' || typeof pid !== 'number' || !Number.isSafeInteger(pid)) return undefined
  if (typeof key !== 'string' || typeof proof !== 'string') return undefined
  return SECRET.test(key) && SECRET.test(proof) ? { path, pid, key, proof } : undefined
}
