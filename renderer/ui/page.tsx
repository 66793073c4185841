import type { ReactNode } from 'react'
import styles from './page.module.css'

interface PageProps {
  readonly title: string
  /** A line under the title. */
  readonly subtitle?: ReactNode
  /** To the right of the title. */
  readonly actions?: ReactNode
  /** Between the header and the content; does not scroll. */
  readonly toolbar?: ReactNode
  /** How wide the content may become. */
  readonly width?: 'reading' | 'wide'
  readonly children: ReactNode
}

/** One page of the window: a header that stays, and content that scrolls. */
export function Page({ title, subtitle, actions, toolbar, width = 'wide', children }: PageProps) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div className={styles.inner} data-width={width}>
          <div className={styles.titles}>
            <h1 className={styles.title}>{title}</h1>
            {subtitle ? <div className={styles.subtitle}>{subtitle}</div> : null}
          </div>
          {actions ? <div className={styles.actions}>{actions}</div> : null}
        </div>
      </header>
      {toolbar ? (
        <div className={styles.toolbar}>
          <div className={styles.inner} data-width={width}>
            {toolbar}
          </div>
        </div>
      ) : null}
      <div className={styles.scroll} data-scrolls>
        <div className={styles.content} data-width={width}>
          {children}
        </div>
      </div>
    </div>
  )
}
