import { text } from 'node:stream/consumers'
import { problem, type Workspace } from '#contract'
import type { Driver, ExecProcess } from '../drivers/driver'
import { type HeldVariables, readVariables, variablesFile, writeVariables } from '../link/variables-file'

/** How long the workspace may take, in milliseconds. */
const LIMIT = 30_000
/** Exit code of the script below where the folder is not in memory. */
const NO_MEMORY = 3

const reading = '[ ! -O "$1" ] || cat "$1"'
/** From stdin, with a mode that only its user may read it by, and whole or not at all. */
const writing = `f=
while read -r a b c d; do
  [ "$b $c" = '/dev/shm tmpfs' ] && f=1
done </proc/mounts
[ -n "$f" ] || exit ${NO_MEMORY}
umask 277
t=$1.$$
set -C
cat >"$t" && mv -f "$t" "$1" || { rm -f "$t"; exit 1; }`

/** The file of a running workspace, see {@link variablesFile}. Nothing that is in it is in an argument. */
export class VariablesPlace {
  readonly #driver: Driver
  readonly #workspace: Workspace

  constructor(driver: Driver, workspace: Workspace) {
    this.#driver = driver
    this.#workspace = workspace
  }

  /** Rejects with a `ProblemError`. */
  async read(signal: AbortSignal): Promise<HeldVariables> {
    const { stdout } = await this.#run(reading, undefined, signal)
    return readVariables(stdout)
  }

  /** Rejects likewise, with `unsupported` where there is no place in memory. */
  async write(variables: HeldVariables, signal: AbortSignal): Promise<void> {
    const { code, stderr } = await this.#run(writing, writeVariables(variables), signal)
    if (code === 0) return
    throw problem({
      code: code === NO_MEMORY ? 'unsupported' : 'exec-failed',
      title: 'Variables could not be handed over',
      cause:
        code === NO_MEMORY
          ? 'The workspace has no memory file system at /dev/shm, and nowhere else are secrets put.'
          : stderr.trim().slice(0, 500) || `The shell ended with ${code}.`,
      remedy: 'Give the workspace a /dev/shm that its user can write to, and start it again.',
    })
  }

  async #run(script: string, input: string | undefined, signal: AbortSignal) {
    const { id, user, name } = this.#workspace
    if (!user.shell) {
      throw problem({
        code: 'no-shell',
        title: 'Variables could not be handed over',
        cause: `The image of ${name} has no shell, by which programs get them.`,
        remedy: 'Use an image with a shell.',
      })
    }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
    const command = ['sh', '-c', script, 'berth', variablesFile(id, user)]
    const running = await this.#driver.exec(id, { command, user: user.name }, limit)
    const giveUp = () => running.destroy()
    limit.addEventListener('abort', giveUp, { once: true })
    try {
      return await ended(running, input)
    } finally {
      limit.removeEventListener('abort', giveUp)
    }
  }
}

async function ended(running: ExecProcess, input: string | undefined) {
  running.stdin.on('error', () => undefined)
  running.stdin.end(input ?? '')
  const none = Promise.resolve('')
  const [stdout, stderr, exit] = await Promise.all([
    text(running.stdout),
    running.stderr ? text(running.stderr) : none,
    running.exit,
  ])
  return { code: exit.code, stdout, stderr }
}
