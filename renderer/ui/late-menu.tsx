import { Menu } from '@mantine/core'
import {
  type ReactNode,
  type Ref,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { IconButton } from './icon-button'

interface LateMenuProps {
  /** Of its button. */
  readonly label: string
  readonly icon: ReactNode
  /** The entries. Called when the menu is first opened. */
  readonly children: () => ReactNode
}

/** A menu that is only its button until it is opened: in a list of many rows most never are. */
export function LateMenu({ label, icon, children }: LateMenuProps) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const [asked, setAsked] = useState(false)
  const [opened, setOpened] = useState(false)
  // A menu that is open from the beginning would not know where the keyboard was before.
  useEffect(() => setOpened(asked), [asked])
  return (
    <>
      <IconButton
        ref={button}
        id={id}
        label={label}
        aria-haspopup="menu"
        aria-expanded={opened}
        aria-controls={opened ? `${id}-dropdown` : undefined}
        onClick={() => (asked ? setOpened(!opened) : setAsked(true))}
      >
        {icon}
      </IconButton>
      {asked ? (
        <Menu id={id} opened={opened} onChange={setOpened}>
          <Menu.Target>
            <Anchor to={button} />
          </Menu.Target>
          <Menu.Dropdown>{children()}</Menu.Dropdown>
        </Menu>
      ) : null}
    </>
  )
}

/** Gives the menu an element that is there already, which would lose the keyboard if it were drawn anew around it. */
function Anchor({
  to,
  ref,
}: {
  readonly to: RefObject<HTMLElement | null>
  readonly ref?: Ref<HTMLElement>
}) {
  useLayoutEffect(() => {
    if (typeof ref === 'function') ref(to.current)
    else if (ref) ref.current = to.current
  }, [to, ref])
  return null
}
