import { UnstyledButton } from '@mantine/core'
import { IconUsersGroup } from '@tabler/icons-react'
import type { PolicyPreview } from '#contract'
import { carryOut } from '../../lib/actions'
import { ProblemView } from '../../lib/problem-view'
import styles from './policy.module.css'

/** What the team changes of a workspace, or refuses. */
export function PolicyPanel({ policy }: { readonly policy: PolicyPreview | undefined }) {
  if (!policy) return null
  const { explanations, violations, messages } = policy
  if (explanations.length + violations.length + messages.length === 0) return null
  return (
    <section className={styles.team} aria-label="Your team says">
      <h2 className={styles.title}>
        <IconUsersGroup size={14} aria-hidden />
        Your team says
      </h2>
      {violations.length > 0 ? (
        <div className={styles.violations}>
          {violations.map((violation) => (
            <ProblemView key={`${violation.title} ${violation.detail}`} problem={violation} />
          ))}
        </div>
      ) : null}
      <ul className={styles.list}>
        {explanations.map(({ policy: by, text }) => (
          <li key={`${by} ${text}`} className={styles.entry}>
            <span>{text}</span>
            <span className={styles.by}>{by}</span>
          </li>
        ))}
        {messages.map(({ policy: by, text, url }) => (
          <li key={`message ${by}`} className={styles.entry}>
            <span>
              {text}{' '}
              {url === undefined ? null : (
                <UnstyledButton
                  className={styles.link}
                  onClick={() => carryOut({ kind: 'open-url', label: 'Read more', url }, undefined)}
                >
                  Read more
                </UnstyledButton>
              )}
            </span>
            <span className={styles.by}>{by}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
