/** How the command line ends (docs/cli.md, "Exit codes"). `exec` passes its command's own code through. */
export const exitCodes = {
  ok: 0,
  /** A Problem: it was printed. */
  problem: 1,
  /** The command line itself was wrong. */
  usage: 2,
  /** `exec` and `terminal` could not start or lost the command. As `docker exec` has it. */
  execFailed: 125,
  /** The command of `exec` exists and may not be run. */
  notExecutable: 126,
  /** The command of `exec` does not exist. */
  commandNotFound: 127,
  /** Ended by Ctrl-C, SIGTERM or SIGHUP. */
  cancelled: 130,
  /** Whatever read our output went away: 128 + SIGPIPE. */
  brokenPipe: 141,
} as const

/** A wrong command line: message for people, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
