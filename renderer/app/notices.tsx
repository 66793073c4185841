import { Button, CloseButton } from '@mantine/core'
import { useEffect, useState } from 'react'
import { dismissNotice, type Notice, useNotices } from '../lib/notify'
import { ProblemView } from '../lib/problem-view'
import { Dialog } from '../ui/dialog'
import { StateDot } from '../ui/state-dot'
import styles from './notices.module.css'

/** How long a notice stays, milliseconds. One with something to press stays longer, a failure until it is closed. */
const STAY = 4000
const STAY_WITH_ACTION = 12_000

/** Short messages at the window's edge. */
export function Notices() {
  const list = useNotices((state) => state.list)
  return (
    <section className={styles.notices} aria-label="Messages" aria-live="polite">
      {list.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </section>
  )
}

function NoticeCard({ notice }: { readonly notice: Notice }) {
  const [held, setHeld] = useState(false)
  const [open, setOpen] = useState(false)
  const { id, tone, title, text, action, problem } = notice
  const stay = tone === 'bad' ? undefined : action ? STAY_WITH_ACTION : STAY
  useEffect(() => {
    if (held || stay === undefined) return
    const timer = setTimeout(() => dismissNotice(id), stay)
    return () => clearTimeout(timer)
  }, [held, stay, id])
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notices that the pointer or the focus rests on it
    <div
      className={styles.notice}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span className={styles.dot}>
        <StateDot tone={tone === 'bad' ? 'bad' : 'good'} />
      </span>
      <div className={styles.words}>
        <div className={styles.title}>{title}</div>
        {text ? <div className={styles.text}>{text}</div> : null}
      </div>
      {action ? (
        <Button
          variant="default"
          size="compact-sm"
          onClick={() => {
            dismissNotice(id)
            action.run()
          }}
        >
          {action.label}
        </Button>
      ) : null}
      {problem ? (
        <Button variant="default" size="compact-sm" onClick={() => setOpen(true)}>
          Show
        </Button>
      ) : null}
      <CloseButton size="sm" aria-label="Dismiss" onClick={() => dismissNotice(id)} />
      {open && problem ? (
        <Dialog title="What went wrong" size={620} onClose={() => dismissNotice(id)}>
          <ProblemView problem={problem} />
        </Dialog>
      ) : null}
    </div>
  )
}
