import { UnstyledButton } from '@mantine/core'
import { IconTemplate } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTemplatesOpen } from './open'
import { TemplateDialog, type TemplateOutcome } from './template-dialog'
import styles from './templates.module.css'

/** Leads to the templates; what becomes of one is the caller's. */
export function TemplatesButton(outcome: TemplateOutcome) {
  const open = useTemplatesOpen((state) => state.open)
  const setOpen = (isOpen: boolean) => useTemplatesOpen.setState({ open: isOpen })
  // Whoever leaves the form does not meet with them when they come back.
  useEffect(() => () => useTemplatesOpen.setState({ open: false }), [])
  return (
    <>
      <UnstyledButton className={styles.start} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <IconTemplate size={15} aria-hidden />
        {outcome.onText ? 'Use a template' : 'Start from a template'}
      </UnstyledButton>
      {open ? <TemplateDialog {...outcome} onClose={() => setOpen(false)} /> : null}
    </>
  )
}
