import { useState } from 'react'
import { Dialog } from '../../ui/dialog'
import { Gallery } from './gallery'
import type { Listed } from './listed'
import { TemplateForm } from './template-form'
import { useTemplates } from './use-templates'

export interface TemplateOutcome {
  /** A repository was made in this folder. */
  readonly onFolder: (folder: string) => void
  /** Uses the text of a definition for the source that was given; absent where there is none, or it has one. */
  readonly onText?: ((text: string) => void) | undefined
}

interface TemplateDialogProps extends TemplateOutcome {
  readonly onClose: () => void
}

/** Choose a template, fill in what it leaves open, and say what it is for. */
export function TemplateDialog({ onFolder, onText, onClose }: TemplateDialogProps) {
  const templates = useTemplates()
  const [words, setWords] = useState('')
  const [chosen, setChosen] = useState<Listed | undefined>()
  return (
    <Dialog title={chosen ? chosen.template.name : 'Templates'} size={860} onClose={onClose}>
      {chosen ? (
        <TemplateForm
          listed={chosen}
          onBack={() => setChosen(undefined)}
          onFolder={(folder) => {
            onClose()
            onFolder(folder)
          }}
          onText={
            onText &&
            ((text) => {
              onClose()
              onText(text)
            })
          }
        />
      ) : (
        <Gallery templates={templates} words={words} onWords={setWords} onChoose={setChosen} />
      )}
    </Dialog>
  )
}
