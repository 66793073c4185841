import { type Consent, type Grant, problem, type Workspace } from '#contract'
import type { Links } from '../../link/link'
import type { ReadonlyCollection } from '../../platform/collection'
import { DisposableStack, type Disposer } from '../../platform/disposable'
import type { Handlers } from '../../platform/handlers'
import type { Platform } from '../../platform/platform'
import { Given } from './given'
import { Grants } from './grants'
import { LaptopGit } from './laptop-git'
import { createLender } from './lender'
import { Questions } from './questions'

export interface CredentialsOptions {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
  /** Whether somebody is here who could be asked. Absent: never. */
  readonly attended?: () => boolean
}

export interface Credentials {
  readonly consents: ReadonlyCollection<Consent>
  readonly grants: ReadonlyCollection<Grant>
  readonly handlers: Pick<Handlers, 'credentials.answer' | 'credentials.allow' | 'credentials.revoke'>
  dispose(): Promise<void>
}

/**
 * Lends what is the user's own, git's credentials and the signatures of an SSH agent, to workspaces: at the moment that
 * something in them asks, over their links, and only where the user allows it. Nothing of it is kept in a workspace.
 */
export function createCredentials(options: CredentialsOptions): Credentials {
  const { links, platform, workspaces, attended = () => false } = options
  const stack = new DisposableStack()
  const questions = new Questions(platform.clock)
  const grants = new Grants(platform)
  const shared = { platform, grants, questions, attended, git: new LaptopGit(platform), given: new Given() }
  const lent = new Map<string, Disposer>()
  /** Seen in deletion: what they were allowed goes with them. */
  const doomed = new Set<string>()

  const lend = (id: string) => {
    if (lent.has(id)) return
    const lender = createLender({ ...shared, place: () => workspaces.get(id) })
    lent.set(id, links.get(id).credentials.lend(lender))
  }
  const see = ({ id, state }: Workspace) => {
    // Nothing in one that is stopped asks for anything: of those there may be thousands.
    if (state !== 'stopped') lend(id)
    if (state === 'deleting') doomed.add(id)
    else doomed.delete(id)
  }
  const gone = (id: string) => {
    void lent.get(id)?.()
    lent.delete(id)
    if (!doomed.delete(id)) return
    grants.forget(id).catch((error: unknown) => {
      platform.logger.warn('What a deleted workspace was allowed could not be forgotten', {
        cause: String(error),
      })
    })
  }

  for (const workspace of workspaces.list()) see(workspace)
  stack.add(
    workspaces.onChange(({ removes, upserts }) => {
      for (const workspace of upserts) see(workspace)
      for (const id of removes) gone(id)
    }),
  )
  stack.add(() => {
    questions.dispose()
    for (const end of lent.values()) void end()
    lent.clear()
  })

  const existing = (workspaceId: string) => {
    const workspace = workspaces.get(workspaceId)
    if (workspace) return workspace
    throw problem({
      code: 'not-found',
      title: 'There is no such workspace',
      cause: `No workspace has the id ${workspaceId}.`,
      remedy: 'Refresh the list of workspaces.',
    })
  }

  return {
    consents: questions.records,
    grants: grants.records,
    handlers: {
      'credentials.answer': async ({ answer, consentId }) => {
        const consent = questions.records.get(consentId)
        if (!consent)
          throw problem({
            code: 'not-found',
            title: 'Nobody waits for that answer any more',
            cause: 'What asked has ended, or waited for too long.',
            remedy: 'Run the command again.',
          })
        // Remembered first: what waits behind it finds that it need not ask.
        if (answer === 'always') await grants.allow(existing(consent.workspaceId), consent.credential)
        questions.answer(consentId, answer)
        return {}
      },
      'credentials.allow': async ({ credential, workspaceId }) => {
        await grants.allow(existing(workspaceId), credential)
        return {}
      },
      'credentials.revoke': async ({ credential, workspaceId }) => {
        await grants.revoke(workspaceId, credential)
        return {}
      },
    },
    dispose: () => stack.dispose(),
  }
}
