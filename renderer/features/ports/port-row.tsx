import { Button, Menu, TextInput } from '@mantine/core'
import {
  IconDots,
  IconExternalLink,
  IconPencil,
  IconPlayerStop,
  IconPlugConnected,
} from '@tabler/icons-react'
import { memo, useRef, useState } from 'react'
import type { Port } from '#contract'
import { copyText, openInBrowser } from '../../lib/actions'
import { request } from '../../lib/engine'
import { count } from '../../lib/format'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { portTone } from '../../lib/tone'
import { CopyButton } from '../../ui/copy-button'
import { IconButton } from '../../ui/icon-button'
import { StateDot } from '../../ui/state-dot'
import styles from './ports.module.css'
import { doubtText, portAddress, portStateText } from './words'

/** One port: its process, its addresses, its state in true words. */
export const PortRow = memo(function PortRow({ port }: { readonly port: Port }) {
  const [naming, setNaming] = useState(false)
  const menuButton = useRef<HTMLButtonElement>(null)
  const toName = useRef(false)
  const named = () => {
    setNaming(false)
    menuButton.current?.focus()
  }
  const { forward } = port
  const one = { workspaceId: port.workspaceId, port: port.port }
  const process = port.listeners[0]?.process
  const local = forward ? `${forward.localAddress}:${forward.localPort}` : undefined
  const address = portAddress(port)
  const doubt = doubtText(port)
  const moved = forward && forward.localPort !== port.port
  const tell = (result: Awaited<ReturnType<typeof request>>) => {
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <li className={styles.item}>
      <div className={styles.row}>
        <span className={styles.dot}>
          <StateDot tone={doubt ? 'off' : portTone(port.state)} />
        </span>
        <div className={styles.what}>
          <div className={styles.title}>
            <span className={styles.number}>{port.port}</span>
            {naming ? (
              <LabelInput port={port} onClose={() => setNaming(false)} onDone={named} />
            ) : (
              <span className={styles.label} title={port.label}>
                {port.label ?? process?.name ?? ''}
              </span>
            )}
          </div>
          <div
            className={styles.soft}
            title={process ? `${process.command} (process ${process.pid})` : undefined}
          >
            {process ? process.command : originText(port)}
          </div>
        </div>
        <div className={styles.state}>
          <div title={doubt?.long}>{doubt ? doubt.short : portStateText(port)}</div>
          <div className={styles.soft} title={reachText(port)}>
            {reachText(port)}
          </div>
        </div>
        <div className={styles.addresses}>
          {forward?.url ? (
            <div className={styles.address}>
              <button
                type="button"
                className={styles.link}
                title={`Open ${forward.url}`}
                onClick={() => void openInBrowser(forward.url ?? '')}
              >
                {forward.url.replace(/^https?:\/\//, '').replace(/\/$/, '')}
              </button>
              <CopyButton what="URL" onCopy={() => copyText(forward.url ?? '')} />
            </div>
          ) : null}
          {local ? (
            <div className={styles.address}>
              <span
                className={styles.local}
                title={moved ? `${port.port} is taken on this machine` : undefined}
              >
                {local}
              </span>
              <CopyButton what="local address" onCopy={() => copyText(local)} />
            </div>
          ) : null}
        </div>
        <div className={styles.actions}>
          {forward ? (
            <Button
              variant="default"
              leftSection={<IconExternalLink size={14} />}
              disabled={!address || port.protocol === 'tcp'}
              onClick={() => address && void openInBrowser(address)}
            >
              Open
            </Button>
          ) : (
            <Button
              variant="default"
              leftSection={<IconPlugConnected size={14} />}
              onClick={() => void request('ports.forward', one).then(tell)}
            >
              Forward
            </Button>
          )}
          {/* Gives the keyboard back itself: the menu would take it from the field that it opened. */}
          <Menu
            returnFocus={false}
            onClose={() => {
              if (toName.current) setNaming(true)
              else menuButton.current?.focus()
              toName.current = false
            }}
          >
            <Menu.Target>
              <IconButton ref={menuButton} label={`Actions for port ${port.port}`}>
                <IconDots size={15} />
              </IconButton>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                leftSection={<IconPencil size={14} />}
                onClick={() => {
                  toName.current = true
                }}
              >
                Label…
              </Menu.Item>
              <Menu.Item
                leftSection={<IconPlayerStop size={14} />}
                disabled={!forward}
                onClick={() => void request('ports.stop', one).then(tell)}
              >
                Stop forwarding
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </div>
      {port.problem ? (
        <div className={styles.problem}>
          <ProblemView problem={port.problem} onRetry={() => void request('ports.forward', one).then(tell)} />
        </div>
      ) : null}
    </li>
  )
})

/** How it is reached, and where it listens. */
function reachText({ state, forward, listeners }: Port): string {
  if (state === 'reconnecting') return 'New connections wait until it is back'
  const reach = forward ? count(forward.connections, 'connection') : 'Not forwarded'
  return listeners[0] ? `${reach}, on ${listeners[0].address}` : reach
}

function originText({ origin }: Port): string {
  if (origin === 'definition') return 'Asked for by the definition'
  return origin === 'manual' ? 'Forwarded by hand' : 'Process not known'
}

interface LabelInputProps {
  readonly port: Port
  /** The user went elsewhere. */
  readonly onClose: () => void
  /** The user is done with it, and with the keyboard. */
  readonly onDone: () => void
}

function LabelInput({ port, onClose, onDone }: LabelInputProps) {
  const [label, setLabel] = useState(port.label ?? '')
  const save = async () => {
    if (label === (port.label ?? '')) return
    const result = await request('ports.label', { workspaceId: port.workspaceId, port: port.port, label })
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <TextInput
      className={styles.labelInput}
      aria-label={`Label of port ${port.port}`}
      autoFocus
      maxLength={100}
      value={label}
      onChange={(event) => setLabel(event.currentTarget.value)}
      onBlur={() => {
        onClose()
        void save()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          // The button that gets the keyboard would take the rest of this press.
          event.preventDefault()
          onDone()
          void save()
        }
        if (event.key === 'Escape') onDone()
      }}
    />
  )
}
