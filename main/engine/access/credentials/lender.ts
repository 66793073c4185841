import type { Credential } from '#contract'
import { type Asker, type CredentialLender, type GitAnswer, type GitAsk, NotLent } from '../../link/link'
import type { Platform } from '../../platform/platform'
import { type GitRequest, originOf, parseGitRequest } from './git-request'
import type { Given } from './given'
import { relayGpg } from './gpg-relay'
import type { Grants, Place } from './grants'
import { type KeysUse, relayKeys } from './keys-relay'
import type { LaptopAgent } from './laptop-agent'
import type { LaptopGit } from './laptop-git'
import { LaptopGpg, NoGpg } from './laptop-gpg'
import { keysPath, openLaptopKeys } from './laptop-keys'
import type { Questions } from './questions'

export interface LenderOptions {
  readonly platform: Platform
  readonly grants: Grants
  readonly questions: Questions
  readonly git: LaptopGit
  readonly given: Given
  /** Whether somebody is here who could be asked. */
  readonly attended: () => boolean
  /** Of the workspace, as it is now; undefined where it is gone. */
  readonly place: () => (Place & { readonly name: string }) | undefined
}

const GONE = 'the workspace is not known any more on your computer'

/** What one workspace is lent of this machine's: nothing that the user has not allowed. */
export function createLender(options: LenderOptions): CredentialLender {
  const { attended, given, git, grants, platform, questions } = options
  const gpg = new LaptopGpg(platform)
  /** Signatures by gpg that were allowed to who is still at work, one each. */
  const signers = new Set<symbol>()
  const existing = () => {
    const place = options.place()
    if (!place) throw new NotLent(GONE)
    return place
  }
  /** Resolves where it is allowed, or can be asked. */
  const askable = async (credential: Credential) => {
    const place = existing()
    if ((await grants.has(place, credential)) || attended()) return
    const how = howToAllow(place.name, credential)
    throw new NotLent(credential.kind === 'git' ? `no credentials for ${credential.origin}: ${how}` : how)
  }
  /** Undefined where it is allowed; else why not. */
  const refusal = async (
    credential: Credential,
    asker: Asker,
    username: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    const place = existing()
    if (await grants.has(place, credential)) return undefined
    if (!attended()) return howToAllow(place.name, credential)
    const asked = { workspaceId: place.id, credential, asker, ...(username !== undefined && { username }) }
    const verdict = await questions.ask(asked, signal)
    return verdict.allowed ? undefined : verdict.reason
  }

  const get = async (request: GitRequest, ask: GitAsk, signal: AbortSignal): Promise<GitAnswer> => {
    const origin = originOf(request)
    const why = await refusal({ kind: 'git', origin }, ask, request.username, signal)
    if (why !== undefined) return { message: `no credentials for ${origin}: ${why}` }
    const { password: _none, ...wanted } = request
    const filled = await git.fill(wanted, signal)
    if (!filled) return { message: `no credentials for ${origin}: git on your computer has none` }
    const place = existing()
    given.add(place.id, origin, filled)
    const { expiry, password, username } = filled
    const lines = `username=${username}\npassword=${password}\n`
    return { text: Buffer.from(expiry === undefined ? lines : `${lines}password_expiry_utc=${expiry}\n`) }
  }

  const gpgThere = async () => {
    if (!(await gpg.isThere())) throw new NotLent('gpg is not on your computer, or cannot be passed on')
  }

  return {
    async git(ask) {
      const request = parseGitRequest(ask.text)
      if (!request)
        return async () => ({ message: 'no credentials: git asks for what cannot be asked for here' })
      const origin = originOf(request)
      if (ask.operation === 'get') {
        await askable({ kind: 'git', origin })
        return (signal) => get(request, ask, signal)
      }
      // Only of what this process gave; another machine may have given it.
      if (!given.take(existing().id, origin, request, ask.operation)) throw new NotLent('')
      const noted = ask.operation === 'store' ? 'approve' : 'reject'
      return async (signal) => {
        await git.note(noted, request, signal)
        return {}
      }
    },
    async ssh(asker) {
      const path = keysPath(platform)
      if (path === undefined) throw new NotLent('')
      await askable({ kind: 'ssh' })
      return (stream) => {
        const keys = openLaptopKeys(path)
        const permit = keysPermit((signal) => refusal({ kind: 'ssh' }, asker, undefined, signal))
        stream.once('close', () => keys.dispose())
        void relayKeys({ stream, permit, ask: (body) => keys.ask(body) }).finally(() => keys.dispose())
      }
    },
    async gpgKey(ask) {
      await gpgThere()
      await askable({ kind: 'gpg' })
      return async (signal) => {
        const why = await refusal({ kind: 'gpg' }, ask, shown(ask.key), signal)
        if (why !== undefined) return { message: why }
        try {
          const text = await gpg.publicKey(ask.key, signal)
          const signer = Symbol(ask.key)
          signers.add(signer)
          signal.addEventListener('abort', () => signers.delete(signer), { once: true })
          return { text }
        } catch (error) {
          if (error instanceof NoGpg) return { message: error.message }
          throw error
        }
      }
    },
    async gpg(asker) {
      await gpgThere()
      if (signers.size === 0) await askable({ kind: 'gpg' })
      return (stream) => {
        let agent: Promise<LaptopAgent> | undefined
        const ask = async (line: Buffer) => {
          agent ??= gpg.open()
          return (await agent).ask(line)
        }
        const end = () => void agent?.then((one) => one.dispose()).catch(() => undefined)
        const asked = keysPermit((signal) => refusal({ kind: 'gpg' }, asker, undefined, signal))
        const permit = async (use: KeysUse, signal: AbortSignal) => {
          const [signer] = signers
          if (!signer) return asked(use, signal)
          if (use === 'sign') signers.delete(signer)
          return true
        }
        stream.once('close', end)
        void relayGpg({ stream, permit, ask }).finally(end)
      }
    },
  }
}

/**
 * For one connection to an agent. A yes is good for all lists and one signature; for the next signature the user is
 * asked anew. A no is good for the whole connection. What is remembered is looked up each time.
 */
function keysPermit(
  refusal: (signal: AbortSignal) => Promise<string | undefined>,
): (use: KeysUse, signal: AbortSignal) => Promise<boolean> {
  let lists = false
  let signatures = 0
  let isDenied = false
  return async (use, signal) => {
    if (isDenied) return false
    const isCovered = use === 'list' ? lists : signatures > 0
    if (!isCovered) {
      // A workspace that is gone gets nothing.
      isDenied = (await refusal(signal).catch(() => '')) !== undefined
      if (isDenied) return false
      lists = true
      signatures += 1
    }
    if (use === 'sign') signatures -= 1
    return true
  }
}

/** A name from a workspace, for a person. */
function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, ' ').slice(0, 256)
}

function howToAllow(name: string, credential: Credential): string {
  const what = credential.kind === 'git' ? credential.origin : credential.kind
  return `nobody could be asked on your computer: open Berth there and try again, or run \`berth credentials allow ${name} ${what}\` on it`
}
