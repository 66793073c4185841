import { type DragEvent, useRef, useState } from 'react'

interface Drop {
  /** Files are over the element. */
  readonly over: boolean
  readonly handlers: {
    readonly onDragEnter: (event: DragEvent) => void
    readonly onDragOver: (event: DragEvent) => void
    readonly onDragLeave: (event: DragEvent) => void
    readonly onDrop: (event: DragEvent) => void
  }
}

/** Takes files and folders that are dragged in from this machine; `take` gets their paths. */
export function useDrop(enabled: boolean, take: (paths: readonly string[]) => void): Drop {
  const [over, setOver] = useState(false)
  /** Elements that were entered and not left: those within the element come and go as well. */
  const depth = useRef(0)
  const isFiles = (event: DragEvent) => enabled && event.dataTransfer.types.includes('Files')
  const end = () => {
    depth.current = 0
    setOver(false)
  }
  return {
    over: over && enabled,
    handlers: {
      onDragEnter: (event) => {
        if (!isFiles(event)) return
        event.preventDefault()
        depth.current += 1
        setOver(true)
      },
      onDragOver: (event) => {
        if (!isFiles(event)) return
        event.preventDefault()
        event.dataTransfer.dropEffect = 'copy'
      },
      onDragLeave: (event) => {
        if (!isFiles(event)) return
        depth.current -= 1
        if (depth.current <= 0) end()
      },
      onDrop: (event) => {
        if (!isFiles(event)) return
        event.preventDefault()
        end()
        const paths = [...event.dataTransfer.files].map((file) => window.berth.pathOf(file)).filter(Boolean)
        if (paths.length > 0) take(paths)
      },
    },
  }
}
