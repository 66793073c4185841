import { createInterface } from 'node:readline'
import { type Consent, type Credential, ProblemError } from '#contract'
import type { Engine } from '../main/engine/engine'
import type { Console } from './console'
import type { CommandContext } from './execute'
import { printable } from './text'

/** Puts a question on the terminal, and resolves with what was typed. Rejects with the signal's reason. */
export type AskPerson = (question: string, signal: AbortSignal) => Promise<string>

/** Whether a person sits at the terminal who could be asked. */
export function isAttended(console: Console): boolean {
  return console.stdinIsTerminal && console.stderrIsTerminal
}

/** What is asked for, as a person calls it. */
export function credentialText(credential: Credential): string {
  if (credential.kind === 'git') return `your git credentials for ${credential.origin}`
  return credential.kind === 'ssh' ? 'signatures by your SSH agent' : 'signatures by your gpg'
}

/** The question for a terminal. What comes from a workspace cannot steer it. */
export function consentQuestion(
  { command, credential, process, username }: Consent,
  workspace: string,
): string {
  const what = credentialText(credential) + (username === undefined ? '' : `, user ${printable(username)}`)
  const asker = printable(command || process).replaceAll('\n', ' ')
  return `${workspace} asks for ${what}${asker ? ` (${asker})` : ''}. Allow? [y]es once, [a]lways, [N]o: `
}

/** What was typed; anything but a clear yes is a no. */
export function parseConsent(text: string): 'once' | 'always' | 'deny' {
  const word = text.trim().toLowerCase()
  if (word === 'y' || word === 'yes') return 'once'
  return word === 'a' || word === 'always' ? 'always' : 'deny'
}

/**
 * Puts questions of workspaces to the person at the terminal, one at a time, until the returned function is called. One
 * that nobody waits for any more is taken back.
 */
export function attendConsents(context: CommandContext, engine: Engine, ask: AskPerson): () => void {
  if (!isAttended(context.console)) return () => undefined
  const { consents, workspaces } = engine.collections
  const over = new AbortController()
  let busy = false
  const next = async () => {
    const [consent] = consents.list()
    if (busy || !consent || over.signal.aborted) return
    busy = true
    const gone = new AbortController()
    const stop = consents.onChange(({ removes }) => {
      if (removes.includes(consent.id)) gone.abort()
    })
    try {
      const name = workspaces.get(consent.workspaceId)?.name ?? consent.workspaceId
      const typed = await ask(consentQuestion(consent, name), AbortSignal.any([gone.signal, over.signal]))
      await engine.call('credentials.answer', { consentId: consent.id, answer: parseConsent(typed) })
    } catch (error) {
      if (error instanceof ProblemError) context.say(error.problem.cause)
      // Else nobody waits for the answer any more.
    } finally {
      await stop()
      busy = false
    }
    void next()
  }
  const stop = consents.onChange(() => void next())
  void next()
  return () => {
    over.abort()
    void stop()
  }
}

/** Asks by a line, in a terminal that is not in raw mode. */
export function askByLine(console: Console): AskPerson {
  return (question, signal) =>
    new Promise((resolve, reject) => {
      console.stderr.write(question)
      const reader = createInterface({ input: console.stdin, terminal: false })
      const finish = (action: () => void) => {
        signal.removeEventListener('abort', onAbort)
        reader.off('close', onEnd)
        reader.close()
        console.stdin.pause()
        action()
      }
      const onAbort = () =>
        finish(() => {
          console.stderr.write('\n')
          reject(signal.reason)
        })
      const onEnd = () => finish(() => resolve(''))
      reader.once('line', (line) => finish(() => resolve(line)))
      reader.once('close', onEnd)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
}

/** Asks by one key, in a terminal that is in raw mode. */
export function askByKey(console: Console): AskPerson {
  return (question, signal) =>
    new Promise((resolve, reject) => {
      console.stderr.write(`\r\n${question}`)
      const finish = (action: () => void) => {
        signal.removeEventListener('abort', onAbort)
        console.stdin.off('data', onKey)
        console.stderr.write('\r\n')
        action()
      }
      const onAbort = () => finish(() => reject(signal.reason))
      const onKey = (data: Buffer) => finish(() => resolve(data.toString('latin1').slice(0, 1)))
      console.stdin.on('data', onKey)
      console.stdin.resume()
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
}
