import { problem } from '#contract'
import { OFFER } from '../../link/ssh/key-exchange'
import { shellQuoted } from '../../platform/shell-quoted'
import { USER } from '../gateway'
import type { SshPaths } from '../keys/key-files'
import { type KeyPair, publicLine } from '../keys/key-pair'

/** Under which name the gateway's key is known, whatever workspace is asked for. */
const HOST_KEY_ALIAS = 'berth-gateway'
/** Seconds between signs of life that a client asks for, and how many may be missing. */
const ALIVE = { interval: 15, count: 3 }
/**
 * No workspace has such a character in its name, and a shell may read it as more than a name: a host name may come from
 * a stranger's `.gitmodules`, and OpenSSH before 9.6 passes it on to the ProxyCommand as it is.
 */
const NO_HOSTS = ["'", '`', '$', ';', '&', '|', '<', '>', '(', ')', ' ', '!']

export interface ConfigFacts {
  readonly paths: SshPaths
  readonly hostKey: KeyPair
  /** What runs Berth's command line on this machine, without its own arguments. */
  readonly commandLine: readonly string[]
  readonly platform: NodeJS.Platform
}

/** A file for the OpenSSH client (ssh_config(5)). Throws a `ProblemError` where a path cannot be written in it. */
export function configText({ commandLine, paths, platform }: ConfigFacts): string {
  const proxy = [...commandLine, 'ssh-proxy'].map((word) => commandWord(word, platform)).join(' ')
  const host = platform === 'win32' ? '"%n"' : "'%n'"
  return [
    "# Written by Berth, which writes it anew: changes are lost. Lines of your own belong into ~/.ssh/config, below Berth's.",
    `Host *.berth ${NO_HOSTS.map((character) => `"!*${character}*"`).join(' ')}`,
    `  User ${USER}`,
    `  IdentityFile ${configWord(paths.clientKey, platform)}`,
    '  IdentitiesOnly yes',
    '  PreferredAuthentications publickey',
    `  HostKeyAlias ${HOST_KEY_ALIAS}`,
    `  UserKnownHostsFile ${configWord(paths.knownHosts, platform)}`,
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  CheckHostIP no',
    `  HostKeyAlgorithms ${OFFER.hostKey}`,
    `  KexAlgorithms ${OFFER.keyExchange}`,
    `  Ciphers ${OFFER.cipher}`,
    `  ServerAliveInterval ${ALIVE.interval}`,
    `  ServerAliveCountMax ${ALIVE.count}`,
    `  ProxyCommand ${proxy} ${host}`,
    '',
  ].join('\n')
}

/** What pins the gateway's key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export function knownHostsText(hostKey: KeyPair): string {
  return `${HOST_KEY_ALIAS} ${publicLine(hostKey)}\n`
}

/**
 * A path as one word of ssh_config(5), in which versions of OpenSSH differ on what stands for itself. `%` and `${` are
 * theirs, and Include takes patterns.
 */
export function configWord(path: string, platform: NodeJS.Platform): string {
  const written = platform === 'win32' ? path.replaceAll('\\', '/') : path
  const isStrange = [...written].some((character) => '"%*?[]\\'.includes(character) || character < ' ')
  if (isStrange || written.includes('${')) {
    throw problem({
      code: 'unsupported',
      title: 'OpenSSH cannot be told where Berth keeps its keys',
      cause: `The path ${path} has characters that its configuration reads as something else.`,
      remedy: 'Use a folder without such characters, for instance by XDG_CONFIG_HOME, and try again.',
    })
  }
  return `"${written}"`
}

/** A word for the shell that runs a ProxyCommand, after OpenSSH has filled in what begins with `%`. */
function commandWord(word: string, platform: NodeJS.Platform): string {
  const quoted = platform === 'win32' ? `"${word}"` : shellQuoted(word)
  return quoted.replaceAll('%', '%%')
}
