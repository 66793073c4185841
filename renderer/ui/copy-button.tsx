import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { IconButton } from './icon-button'

interface CopyButtonProps {
  /** What it copies, as in “Copy address”. */
  readonly what: string
  readonly onCopy: () => Promise<boolean>
  readonly tabIndex?: number
}

/** Copies, and shows for a moment that it did. */
export function CopyButton({ what, onCopy, tabIndex }: CopyButtonProps) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <IconButton
      label={copied ? 'Copied' : `Copy ${what}`}
      tabIndex={tabIndex}
      onClick={() => void onCopy().then(setCopied)}
    >
      {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
    </IconButton>
  )
}
