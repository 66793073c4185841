import { Button } from '@mantine/core'
import { IconDownload, IconX } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import type { FilePreview } from '#contract'
import { formatBytes } from '../../lib/format'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { IconButton } from '../../ui/icon-button'
import styles from './files.module.css'
import { baseName, shown } from './words'

interface PreviewPanelProps {
  readonly workspaceId: string
  readonly path: string
  readonly onDownload: () => void
  readonly onClose: () => void
}

const reasons = {
  binary: 'It is no text and no picture that can be shown here.',
  large: 'It is too large to be shown here.',
  special: 'It is no regular file.',
}

/** What a file holds, as far as it can be shown without copying it. */
export function PreviewPanel({ workspaceId, path, onDownload, onClose }: PreviewPanelProps) {
  const { run, value, problem } = useRequest('files.preview')
  useEffect(() => void run({ workspaceId, path }), [run, workspaceId, path])
  const name = shown(baseName(path))
  return (
    <section
      className={styles.preview}
      aria-label={`Preview of ${name}`}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      <header className={styles.previewHead}>
        <h2 title={shown(path)}>{name}</h2>
        <span className={styles.faint}>{value ? formatBytes(value.size) : null}</span>
        <IconButton label="Close the preview" onClick={onClose}>
          <IconX size={15} />
        </IconButton>
      </header>
      <div className={styles.previewBody}>
        {problem ? <ProblemView problem={problem} onRetry={() => void run({ workspaceId, path })} /> : null}
        {value?.kind === 'text' ? <Text preview={value} /> : null}
        {value?.kind === 'image' ? <Picture preview={value} name={name} /> : null}
        {value?.kind === 'none' ? (
          <div className={styles.nothing}>
            <p>{reasons[value.reason]}</p>
            {value.reason === 'special' ? null : (
              <Button variant="default" leftSection={<IconDownload size={14} />} onClick={onDownload}>
                Download…
              </Button>
            )}
          </div>
        ) : null}
      </div>
    </section>
  )
}

function Text({ preview }: { readonly preview: Extract<FilePreview, { kind: 'text' }> }) {
  const { text, truncated } = preview
  if (text === '') return <p className={styles.nothing}>The file is empty.</p>
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <pre className={styles.text} tabIndex={0}>
        {text}
      </pre>
      {truncated ? <p className={styles.faint}>Only the beginning is shown.</p> : null}
    </>
  )
}

interface PictureProps {
  readonly preview: Extract<FilePreview, { kind: 'image' }>
  readonly name: string
}

/** As a data address: the page may load nothing else. */
function Picture({ preview, name }: PictureProps) {
  const [source, setSource] = useState<string>()
  const [size, setSize] = useState('')
  useEffect(() => {
    const reader = new FileReader()
    reader.onload = () => setSource(String(reader.result))
    reader.readAsDataURL(new Blob([preview.data as Uint8Array<ArrayBuffer>], { type: preview.mediaType }))
    return () => reader.abort()
  }, [preview])
  return (
    <figure className={styles.picture}>
      {source ? (
        <img
          src={source}
          alt={name}
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
            setSize(`${naturalWidth} × ${naturalHeight}`)
          }
        />
      ) : null}
      <figcaption className={styles.faint}>{size}</figcaption>
    </figure>
  )
}
