import { Button, Group } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Consent } from '#contract'
import { callShell } from '../../lib/bridge'
import { useCollection, useRecord, useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import { Facts, Mono } from '../../ui/facts'
import styles from './credentials.module.css'
import { askerText, consentEffect, consentTitle, onceText } from './words'

/** For so long a question takes no answer, milliseconds: a key or a click that was meant for something else must not be one. */
const UNARMED = 600

/** Shows the question of a workspace that waits longest, wherever in the window the user is. */
export function ConsentDialog() {
  const [first] = useCollection('consents')
  return first ? <Question key={first.id} consent={first} /> : null
}

function Question({ consent }: { readonly consent: Consent }) {
  const { credential, username, workspaceId } = consent
  const workspace = useRecord('workspaces', workspaceId)?.name ?? workspaceId
  const answer = useRequest('credentials.answer')
  const [armed, setArmed] = useState(false)
  useEffect(() => {
    if (!document.hasFocus()) void callShell('shell.askAttention', {})
    const timer = setTimeout(() => setArmed(true), UNARMED)
    return () => clearTimeout(timer)
  }, [])
  const give = (verdict: 'once' | 'always' | 'deny') => {
    if (armed) void answer.run({ consentId: consent.id, answer: verdict })
  }
  const asker = askerText(consent)
  return (
    <Dialog title={consentTitle(credential, workspace)} onClose={() => give('deny')} size={520}>
      <p className={styles.effect} tabIndex={-1} data-autofocus>
        {consentEffect(credential)}
      </p>
      <div className={styles.facts}>
        <Facts
          facts={[
            ['Workspace', workspace],
            ['Server', credential.kind === 'git' ? <Mono key="origin">{credential.origin}</Mono> : undefined],
            [
              credential.kind === 'gpg' ? 'Key' : 'User',
              username ? <Mono key="user">{username}</Mono> : undefined,
            ],
            ['Asked by', asker ? <Mono key="asker">{asker}</Mono> : undefined],
          ]}
        />
      </div>
      <p className={styles.note}>
        {onceText(credential)} What you allow for good is in the workspace’s details, where it can be taken
        back.
      </p>
      {answer.problem ? <ProblemView problem={answer.problem} /> : null}
      <Group justify="flex-end" gap={8} mt={16}>
        <Button variant="default" disabled={!armed} onClick={() => give('deny')}>
          Deny
        </Button>
        <Button variant="default" disabled={!armed} onClick={() => give('always')}>
          Always for this workspace
        </Button>
        <Button disabled={!armed} onClick={() => give('once')}>
          Allow once
        </Button>
      </Group>
    </Dialog>
  )
}
