import { Button, Group, UnstyledButton } from '@mantine/core'
import { IconArrowLeft } from '@tabler/icons-react'
import { type FormEvent, useEffect, useState } from 'react'
import type { Problem, RequestOutput, TemplateValues } from '#contract'
import { openInBrowser } from '../../lib/actions'
import { request } from '../../lib/engine'
import { useRequest } from '../../lib/hooks'
import { notify } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { Destination, useDestination } from './destination'
import { FilesPreview } from './files-preview'
import type { Listed } from './listed'
import { OptionFields } from './option-fields'
import styles from './templates.module.css'

interface TemplateFormProps {
  readonly listed: Listed
  readonly onBack: () => void
  readonly onFolder: (folder: string) => void
  readonly onText?: ((text: string) => void) | undefined
}

/** After the last change of an option, milliseconds. */
const RENDER_DELAY = 150

/** What a template leaves open, what becomes of it, and where it goes. */
export function TemplateForm({ listed, onBack, onFolder, onText }: TemplateFormProps) {
  const { template, reference, source } = listed
  const [options, setOptions] = useState<TemplateValues>({})
  const [omit, setOmit] = useState<readonly string[]>([])
  const rendered = useRendered(listed, options, omit)
  const make = useRequest('templates.newRepository')
  const destination = useDestination(template.id)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    // The page beneath has a form of its own, which hears what happens in dialogs.
    event.stopPropagation()
    if (destination.fault !== undefined || make.busy || !rendered.value) return
    const result = await make.run({
      template: reference,
      options,
      omit: [...omit],
      folder: destination.folder,
    })
    if (!result.ok) return
    const { folder, uncommitted } = result.value
    destination.remember()
    notify({ tone: 'good', title: 'The repository is made', text: uncommitted ?? folder })
    onFolder(folder)
  }
  const needs = rendered.value?.needsFiles
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <div className={styles.about}>
        <UnstyledButton className={styles.link} autoFocus onClick={onBack}>
          <IconArrowLeft size={14} aria-hidden /> All templates
        </UnstyledButton>
        <p className={styles.lead}>{template.description}</p>
        <p className={styles.faint}>
          {source.name}
          {source.commit ? ` at ${source.commit.slice(0, 8)}` : ''}
          {template.version ? `, version ${template.version}` : ''}
          {template.documentationUrl ? (
            <>
              {' · '}
              <UnstyledButton
                className={styles.link}
                onClick={() => void openInBrowser(template.documentationUrl ?? '')}
              >
                Documentation
              </UnstyledButton>
            </>
          ) : null}
        </p>
      </div>
      <div className={styles.columns}>
        <div className={styles.fields}>
          <OptionFields
            template={template}
            options={options}
            omit={omit}
            onOptions={setOptions}
            onOmit={setOmit}
          />
          <Destination destination={destination} />
        </div>
        <FilesPreview rendered={rendered.value} busy={rendered.busy} />
      </div>
      {rendered.problem ? <ProblemView problem={rendered.problem} /> : null}
      {make.problem ? <ProblemView problem={make.problem} /> : null}
      {onText && needs !== undefined ? (
        <p className={styles.faint}>It cannot be used for this source alone. {needs}</p>
      ) : null}
      <Group justify="flex-end" gap={8} className={styles.buttons}>
        {onText ? (
          <Button
            variant="default"
            size="sm"
            disabled={rendered.busy || !rendered.value || needs !== undefined}
            onClick={() => rendered.value && onText(rendered.value.definition.text)}
          >
            Use for this source
          </Button>
        ) : null}
        <Button
          type="submit"
          size="sm"
          loading={make.busy}
          disabled={destination.fault !== undefined || !rendered.value}
        >
          New repository
        </Button>
      </Group>
    </form>
  )
}

interface Rendered {
  readonly busy: boolean
  readonly value: RequestOutput<'templates.render'> | undefined
  readonly problem: Problem | undefined
}

/** What becomes of the template; what was shown before stays until the next is there. */
function useRendered({ reference }: Listed, options: TemplateValues, omit: readonly string[]): Rendered {
  const [rendered, setRendered] = useState<Rendered>({ busy: true, value: undefined, problem: undefined })
  const key = JSON.stringify({ template: reference, options, omit })
  useEffect(() => {
    const controller = new AbortController()
    setRendered((now) => ({ ...now, busy: true }))
    const timer = setTimeout(async () => {
      const result = await request('templates.render', JSON.parse(key), controller.signal)
      if (controller.signal.aborted) return
      setRendered(
        result.ok
          ? { busy: false, value: result.value, problem: undefined }
          : { busy: false, value: undefined, problem: result.problem },
      )
    }, RENDER_DELAY)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key])
  return rendered
}
