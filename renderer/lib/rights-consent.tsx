import { Checkbox } from '@mantine/core'
import { IconShieldExclamation } from '@tabler/icons-react'
import type { Right } from '#contract'
import { describeRight } from '#contract/rights'
import styles from './rights-consent.module.css'

interface RightsConsentProps {
  readonly title: string
  readonly label: string
  readonly description?: string
  readonly rights: readonly Right[]
  readonly isAllowed: boolean
  readonly onChange: (isAllowed: boolean) => void
}

/** What is asked for of power over the machine, one by one, with the choice to allow it. */
export function RightsConsent({
  title,
  label,
  description,
  rights,
  isAllowed,
  onChange,
}: RightsConsentProps) {
  return (
    <section className={styles.consent} aria-label={title}>
      <h2 className={styles.title}>
        <IconShieldExclamation size={14} aria-hidden />
        {title}
      </h2>
      {rights.length > 0 ? (
        <ul className={styles.list}>
          {rights.map((right) => (
            <li key={`${right.service} ${right.kind} ${right.value}`}>
              {capital(describeRight(right))}
              {right.origin ? <span className={styles.origin}>, for {right.origin}</span> : null}
            </li>
          ))}
        </ul>
      ) : null}
      <Checkbox
        label={label}
        description={description}
        checked={isAllowed}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </section>
  )
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
