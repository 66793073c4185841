import { type Problem, ProblemError, problem } from '#contract'
import type { ExecProcess } from '../drivers/driver'

/** In the command line of what Berth runs inside a workspace for itself. */
export const OWN_PROCESS = /\bberth-(?:ports|relay)\b/

/** How long one answer may take. A container that is paused, or an engine that hangs, does not answer at all. */
const ANSWER_LIMIT = 10_000
/** A line that cannot be part of an answer. */
const END = '\u0004end'

/**
 * Answers, line by line, what it is asked on stdin; it starts one or two programs for an answer and none in between.
 * `sample`: listening sockets. `others`: those of UDP, and unix sockets. `owners`: open sockets by process, as far as its user may see. `process N…`: names and
 * command lines. `users`: /etc/passwd. `foreground NAME=value`: of what began outside of this container with that in its
 * environment and has a terminal, its own process group and the one in the foreground (proc(5), `stat`).
 */
const script = `if command -v grep >/dev/null 2>&1; then
  sockets() { grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
  pick() { grep -e '^/proc' -e 'socket:\\['; }
else
  sockets() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
  pick() { cat; }
fi
while read -r verb rest; do
  case $verb in
    sample) sockets ;;
    others) cat /proc/net/udp /proc/net/udp6 /proc/net/unix 2>/dev/null ;;
    owners) ls -ln /proc/[0-9]*/fd /proc/self/fd 2>/dev/null | pick ;;
    process)
      for p in $rest; do
        name=
        read -r name 2>/dev/null </proc/$p/comm
        printf 'pid %s\\n%s\\n%s\\n' "$p" "$name" "$(tr '\\000\\n\\r' '   ' 2>/dev/null </proc/$p/cmdline)"
      done 2>/dev/null ;;
    users) cat /etc/passwd 2>/dev/null ;;
    foreground)
      for f in /proc/[0-9]*; do
        read -r line 2>/dev/null <"$f/stat" || continue
        set -- \${line##*)}
        [ "$5" != 0 ] || continue
        if [ "$2" != 0 ]; then
          read -r parent 2>/dev/null </proc/$2/comm || continue
          case $parent in berth-agent*) ;; *) continue ;; esac
        fi
        grep -q "$rest" "$f/environ" 2>/dev/null && printf '%s %s\\n' "$3" "$6"
      done 2>/dev/null ;;
  esac
  printf '\\004end\\n'
done`

export const inspectorCommand: readonly string[] = ['sh', '-c', script, 'berth-ports']

export function noShell(): Problem {
  return {
    code: 'no-shell',
    title: 'Ports cannot be detected in this image',
    cause: 'The image has no shell, and Berth reads the listening table through one.',
    remedy: 'Forward the ports you need by hand, or list them in forwardPorts.',
  }
}

/** The engine's end of the script. Questions are put one after another. */
export class Inspector {
  readonly #process: ExecProcess
  #tail = ''
  #lines: string[] = []
  #waiting: { resolve: (lines: string[]) => void; reject: (error: unknown) => void } | undefined
  #over: ProblemError | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(process: ExecProcess) {
    this.#process = process
    const decoder = new TextDecoder()
    process.stdout.on('data', (chunk: Buffer) => this.#take(decoder.decode(chunk, { stream: true })))
    process.stderr?.resume()
    for (const stream of [process.stdin, process.stdout, process.stderr]) stream?.on('error', () => undefined)
    void process.exit.then((exit) => {
      const none = exit.code === 126 || exit.code === 127
      this.#fail(
        exit.problem
          ? new ProblemError(exit.problem)
          : none
            ? problem(noShell())
            : problem({
                code: 'connection-lost',
                title: 'Port detection stopped',
                cause: `Its helper in the workspace ended${exit.code === null ? '' : ` with code ${exit.code}`}.`,
                remedy: 'Berth starts it again by itself.',
              }),
      )
    })
  }

  /** Rejects with a `ProblemError` once the helper is gone or does not answer; it is then of no more use. */
  ask(question: string): Promise<string[]> {
    const answer = this.#turn.then(() => this.#ask(question))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  #ask(question: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over)
      const timer = setTimeout(() => {
        this.#fail(
          problem({
            code: 'connection-lost',
            title: 'Port detection stopped',
            cause: 'The workspace does not answer; it may be paused.',
            remedy: 'Berth tries again by itself.',
          }),
        )
        this.#process.destroy()
      }, ANSWER_LIMIT)
      const settle =
        <T>(next: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          this.#waiting = undefined
          next(value)
        }
      this.#waiting = { resolve: settle(resolve), reject: settle(reject) }
      this.#process.stdin.write(`${question}\n`)
    })
  }

  close(): void {
    this.#process.stdin.end()
    this.#process.destroy()
  }

  #take(text: string): void {
    const parts = (this.#tail + text).split('\n')
    this.#tail = parts.pop() ?? ''
    for (const part of parts) {
      if (part !== END) {
        this.#lines.push(part)
        continue
      }
      const lines = this.#lines
      this.#lines = []
      this.#waiting?.resolve(lines)
    }
  }

  #fail(error: ProblemError): void {
    this.#over ??= error
    this.#waiting?.reject(this.#over)
  }
}
