import type { Platform } from '../../platform/platform'
import { formatGitRequest, type GitRequest, parseGitAnswer } from './git-request'

/** How long the user's helper may take, in milliseconds: it may ask its user to log in somewhere. */
const HELPER_LIMIT = 4 * 60_000
/** The same where nobody waits for the answer. */
const NOTE_LIMIT = 30_000

export type Filled = NonNullable<ReturnType<typeof parseGitAnswer>>

/**
 * The user's own git with the user's credential helpers. Git itself asks nobody, neither on a terminal nor in a window
 * (git(1), GIT_TERMINAL_PROMPT, GIT_ASKPASS); what a helper does is the helper's. Secrets go through pipes alone.
 */
export class LaptopGit {
  readonly #platform: Platform

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** Undefined where the user's git has none. Rejects with the signal's reason. */
  async fill(request: GitRequest, signal: AbortSignal): Promise<Filled | undefined> {
    const { code, stdout } = await this.#credential('fill', request, signal, HELPER_LIMIT)
    signal.throwIfAborted()
    return code === 0 ? parseGitAnswer(stdout) : undefined
  }

  /** Tells the helpers that a credential was accepted by its server, or was not. Never rejects. */
  async note(operation: 'approve' | 'reject', request: GitRequest, signal: AbortSignal): Promise<void> {
    await this.#credential(operation, request, signal, NOTE_LIMIT)
  }

  #credential(operation: string, request: GitRequest, signal: AbortSignal, limit: number) {
    const { env, folders, processes } = this.#platform
    return processes.run('git', ['credential', operation], {
      // Not in a repository that this process happens to be in: its configuration is another matter.
      cwd: folders.home,
      env: { ...plain(env), GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', SSH_ASKPASS: '' },
      input: formatGitRequest(request),
      signal: AbortSignal.any([signal, AbortSignal.timeout(limit)]),
      group: true,
    })
  }
}

/** Without what points git to a repository, and without what would write what it does to a file or terminal. */
function plain(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const isMeant = (name: string) =>
    !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|COMMON_DIR|TRACE.*|CURL_VERBOSE)$/.test(name)
  return Object.fromEntries(Object.entries(env).filter(([name]) => isMeant(name)))
}
