import { isMac } from '../lib/bridge'
import { useAllCommands } from '../lib/commands'
import { chordLabels } from '../lib/keys'
import { Dialog } from '../ui/dialog'
import { KeyHint } from '../ui/key-hint'
import { useOverlay } from './overlay'
import styles from './shortcuts-sheet.module.css'

/** All keys that work now, by what they do. */
export function ShortcutsSheet() {
  const commands = useAllCommands().filter((command) => command.keys && command.keys.length > 0)
  const groups = [...new Set(commands.map((command) => command.group))]
  return (
    <Dialog title="Keyboard shortcuts" size={680} onClose={() => useOverlay.setState({ overlay: undefined })}>
      <div className={styles.sheet}>
        {groups.map((group) => (
          <section key={group} className={styles.group} aria-label={group}>
            <h3 className={styles.heading}>{group}</h3>
            <dl className={styles.list}>
              {commands
                .filter((command) => command.group === group)
                .map((command) => (
                  <div key={command.id} className={styles.row}>
                    <dt>{command.title}</dt>
                    <dd className={styles.keys}>
                      {command.keys?.slice(0, 1).map((chord) => (
                        <span key={chord}>
                          <span className="visually-hidden">{chordLabels(chord, isMac()).join(' ')}</span>
                          <KeyHint keys={chordLabels(chord, isMac())} />
                        </span>
                      ))}
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
