import { type ProblemError, problem } from '#contract'
import type { RunResult } from '../platform/processes'

/** Git's own last words, without progress lines and without credentials. */
export function gitWords(stderr: string): string {
  return stderr
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '' && !/^\s*(?:remote: )?\w[\w ]*:\s+\d+%/.test(line))
    .slice(-20)
    .join('\n')
    .replace(logins, '$1')
}

const logins = /(\w+:\/\/)[^/\s'"]+@/g

/**
 * Takes logins of addresses out of what git prints, line by line: a repository's submodules have some, and the user's
 * own git may be told to put some in (`url.….insteadOf`).
 */
export class WithoutLogins {
  #rest = ''

  /** What may be shown by now: whole lines, and of progress what ends with a carriage return. */
  feed(text: string): string {
    const whole = this.#rest + text
    const end = Math.max(whole.lastIndexOf('\n'), whole.lastIndexOf('\r')) + 1
    this.#rest = whole.slice(end)
    return whole.slice(0, end).replace(logins, '$1')
  }

  /** What has no end of line. */
  flush(): string {
    const rest = this.#rest.replace(logins, '$1')
    this.#rest = ''
    return rest
  }
}

const cases: readonly {
  readonly code: Parameters<typeof problem>[0]['code']
  readonly words: RegExp
  readonly title: (url: string) => string
  readonly cause: string
  readonly remedy: string
}[] = [
  {
    code: 'ssh-host-key',
    words: /host key verification failed|remote host identification has changed/i,
    title: (url) => `The host of ${url} is not known`,
    cause: 'Its ssh host key is not in your known_hosts, or has changed.',
    remedy: 'Connect to it once with ssh in a terminal, check the key, and try again.',
  },
  {
    code: 'git-auth',
    words:
      /authentication failed|could not read (?:username|password)|terminal prompts disabled|permission denied|access denied|http basic: access denied|invalid credentials|returned error: 40[13]|no supported authentication|not authorized|could not authenticate/i,
    title: (url) => `You have no access to ${url}`,
    cause: 'The server did not accept the credentials that your git has for it, or your git has none.',
    remedy:
      'Make “git clone” of this URL work in a terminal (a credential helper, an ssh key in your agent), and try again.',
  },
  {
    code: 'git-ref-not-found',
    words:
      /couldn't find remote ref|remote branch .* not found|not our ref|reference is not a tree|unknown revision|did not match any|no such ref|unadvertised object|bad object/i,
    title: (url) => `${url} has no such branch or commit`,
    cause: 'The repository is there, but not what was asked for in it.',
    remedy: 'Check how the branch or commit is spelt, and that it was pushed.',
  },
  {
    code: 'git-not-found',
    words:
      /repository .*not found|not found|does not appear to be a git repository|does not exist|returned error: 404|no such file or directory/i,
    title: (url) => `There is no repository at ${url}`,
    cause: 'The server does not have it, or hides it from you.',
    remedy: 'Check the URL. A private repository needs credentials that your git knows.',
  },
  {
    code: 'git-unreachable',
    words:
      /could not resolve host|unable to connect|connection (?:refused|timed out|reset|closed)|failed to connect|network is unreachable|no route to host|timed out|operation timed out|ssl|tls|certificate|couldn't connect|empty reply|the remote end hung up|early eof/i,
    title: (url) => `${url} cannot be reached`,
    cause: 'No connection to the server could be made, or it broke.',
    remedy: 'Check the host’s name, your network, and proxy settings of your git.',
  },
  {
    code: 'disk-full',
    words: /no space left on device|disk quota exceeded/i,
    title: () => 'The disk is full',
    cause: 'There is no room left to clone into.',
    remedy: 'Make room and try again.',
  },
]

/** What a git command that failed means to a person. `url` holds no credentials. */
export function gitProblem(url: string, result: RunResult): ProblemError {
  if (result.error?.code === 'ENOENT') {
    return problem({
      code: 'git-missing',
      title: 'Git is not installed',
      cause: 'Repositories are cloned with your own git, and no “git” is on your PATH.',
      remedy: 'Install git (https://git-scm.com), and try again.',
    })
  }
  const detail = gitWords(result.stderr) || result.error?.message || `git ended with ${result.code}`
  const found = cases.find(({ words }) => words.test(detail))
  if (found) {
    return problem({
      code: found.code,
      title: found.title(url),
      cause: found.cause,
      remedy: found.remedy,
      detail,
      actions: [{ kind: 'retry', label: 'Try again' }],
    })
  }
  return problem({
    code: 'git-failed',
    title: `Git could not read ${url}`,
    cause: detail.split('\n').at(-1) ?? 'It failed.',
    remedy: 'Try “git clone” of this URL in a terminal.',
    detail,
  })
}
