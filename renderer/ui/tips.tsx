import { Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'

/** For how long the pointer rests on something before its tip is shown, milliseconds. */
const REST = 400

/**
 * Shows what an element's `data-tip` says while the pointer rests on it or the keyboard has reached it. One for the
 * whole window: in a list of many rows a tooltip for each of their buttons is most of the work of drawing it.
 */
export function Tips() {
  const [tip, setTip] = useState<{ element: HTMLElement; text: string }>()
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout> | undefined
    let over: HTMLElement | null = null
    const show = (element: HTMLElement) => {
      const text = element.dataset.tip
      if (text && element.isConnected) setTip({ element, text })
    }
    const hide = () => {
      clearTimeout(waiting)
      over = null
      setTip(undefined)
    }
    const onOver = (event: PointerEvent) => {
      const element = tipped(event.target)
      if (element === over) return
      hide()
      over = element
      if (element && event.pointerType !== 'touch') waiting = setTimeout(() => show(element), REST)
    }
    const onFocus = (event: FocusEvent) => {
      const element = tipped(event.target)
      if (element?.matches(':focus-visible')) show(element)
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' || event.key === 'Enter' || event.key === ' ') hide()
    }
    document.addEventListener('pointerover', onOver)
    document.addEventListener('pointerdown', hide, true)
    document.addEventListener('focusin', onFocus)
    document.addEventListener('focusout', hide)
    document.addEventListener('keydown', onKey, true)
    document.addEventListener('scroll', hide, { capture: true, passive: true })
    return () => {
      hide()
      document.removeEventListener('pointerover', onOver)
      document.removeEventListener('pointerdown', hide, true)
      document.removeEventListener('focusin', onFocus)
      document.removeEventListener('focusout', hide)
      document.removeEventListener('keydown', onKey, true)
      document.removeEventListener('scroll', hide, { capture: true })
    }
  }, [])
  if (!tip) return null
  // What has gone has no tip, and a new element begins anew.
  return tip.element.isConnected ? (
    <Tooltip target={tip.element} label={tip.text} opened withinPortal />
  ) : null
}

function tipped(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>('[data-tip]') : null
}
