import { Anchor } from '@mantine/core'
import type { Credential, Workspace } from '#contract'
import { useRecord, useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Facts, Mono, Section } from '../../ui/facts'

/** What of the user's a workspace gets without a question, each with a way to take it back. Nothing where that is nothing. */
export function GrantsSection({ workspace }: { readonly workspace: Workspace }) {
  const grant = useRecord('grants', workspace.id)
  const revoke = useRequest('credentials.revoke')
  if (!grant || grant.targetId !== workspace.targetId) return null
  const takeBack = (credential: Credential, what: string) => (
    <Anchor
      component="button"
      type="button"
      size="sm"
      aria-label={`Ask again for ${what}`}
      onClick={() => void revoke.run({ workspaceId: workspace.id, credential })}
    >
      Ask again
    </Anchor>
  )
  return (
    <Section title="Allowed without a question">
      <Facts
        facts={[
          ...grant.git.map(
            (origin) =>
              [
                'Git credentials',
                <span key={origin}>
                  <Mono>{origin}</Mono> {takeBack({ kind: 'git', origin }, origin)}
                </span>,
              ] as const,
          ),
          [
            'SSH agent',
            grant.ssh ? (
              <span key="ssh">Lists its keys and signs {takeBack({ kind: 'ssh' }, 'the SSH agent')}</span>
            ) : undefined,
          ],
          [
            'gpg',
            grant.gpg ? (
              <span key="gpg">Signs with your keys {takeBack({ kind: 'gpg' }, 'gpg')}</span>
            ) : undefined,
          ],
        ]}
      />
      {revoke.problem ? <ProblemView problem={revoke.problem} /> : null}
    </Section>
  )
}
