import { Loader, TextInput, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconSearch, IconStar, IconStarFilled } from '@tabler/icons-react'
import { type KeyboardEvent, useRef } from 'react'
import type { TemplateReference, TemplateSource } from '#contract'
import { request } from '../../lib/engine'
import { useSettings } from '../../lib/hooks'
import { navigate } from '../../lib/navigation'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { IconButton } from '../../ui/icon-button'
import { type Listed, listTemplates, withStar } from './listed'
import styles from './templates.module.css'
import type { Templates } from './use-templates'

interface GalleryProps {
  readonly templates: Templates
  readonly words: string
  readonly onWords: (words: string) => void
  readonly onChoose: (listed: Listed) => void
}

/** How many keywords a card has room for. */
const shownKeywords = 4

/** All templates, to be searched and chosen. Arrow keys go from card to card. */
export function Gallery({ templates, words, onWords, onChoose }: GalleryProps) {
  const settings = useSettings()?.templates
  const favourites = settings?.favourites ?? []
  const list = listTemplates(templates.sources, favourites, words)
  const cards = useRef<HTMLUListElement>(null)
  const star = async (reference: TemplateReference) => {
    if (!settings) return
    const result = await request('settings.change', {
      templates: { ...settings, favourites: withStar(favourites, reference) },
    })
    if (!result.ok) notifyProblem(result.problem)
  }
  const walk = (event: KeyboardEvent) => {
    const step = steps[event.key]
    const found = [...(cards.current?.querySelectorAll<HTMLElement>('[data-card]') ?? [])]
    const at = found.indexOf(document.activeElement as HTMLElement)
    const inSearch = document.activeElement instanceof HTMLInputElement
    if (step === undefined || (at < 0 && !(inSearch && event.key === 'ArrowDown'))) return
    event.preventDefault()
    found[at < 0 ? 0 : Math.min(found.length - 1, Math.max(0, at + step))]?.focus()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: moves the focus between buttons that work without it
    <div className={styles.gallery} onKeyDown={walk}>
      <TextInput
        data-autofocus
        autoFocus
        aria-label="Search templates"
        placeholder="Search: python, database, web…"
        size="sm"
        leftSection={<IconSearch size={15} aria-hidden />}
        spellCheck={false}
        value={words}
        onChange={(event) => onWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !list[0]) return
          // It would press the button that has the keyboard next.
          event.preventDefault()
          onChoose(list[0])
        }}
      />
      <div className={styles.scroll} data-scrolls>
        {templates.problem ? <ProblemView problem={templates.problem} /> : null}
        <ul className={styles.cards} ref={cards} aria-label="Templates" aria-busy={templates.loading}>
          {list.map((listed) => (
            <Card
              key={`${listed.reference.repository} ${listed.reference.id}`}
              listed={listed}
              onChoose={() => onChoose(listed)}
              onStar={() => void star(listed.reference)}
            />
          ))}
        </ul>
        {list.length === 0 && !templates.loading ? (
          <p className={styles.none} role="status">
            No template has to do with “{words}”.
          </p>
        ) : null}
        {templates.sources.map((source) => (
          <Trouble key={source.key} source={source} />
        ))}
      </div>
      <div className={styles.below}>
        <span className={styles.faint} role="status">
          {templates.fetching.length > 0 ? (
            <>
              <Loader size={12} /> Fetching {templates.fetching.join(', ')}
            </>
          ) : null}
        </span>
        <UnstyledButton className={styles.link} onClick={() => navigate({ view: 'settings' })}>
          Repositories of templates…
        </UnstyledButton>
      </div>
    </div>
  )
}

/** Two cards stand side by side. */
const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -2, ArrowDown: 2 }

interface CardProps {
  readonly listed: Listed
  readonly onChoose: () => void
  readonly onStar: () => void
}

function Card({ listed: { template, source, isFavourite }, onChoose, onStar }: CardProps) {
  return (
    <li className={styles.card}>
      <UnstyledButton className={styles.choice} data-card aria-label={template.name} onClick={onChoose}>
        <span className={styles.name}>{template.name}</span>
        <span className={styles.description}>{template.description}</span>
        <span className={styles.foot}>
          {template.keywords.slice(0, shownKeywords).map((word) => (
            <span className={styles.keyword} key={word}>
              {word}
            </span>
          ))}
          <span className={styles.from}>{source.name}</span>
        </span>
      </UnstyledButton>
      <IconButton
        className={styles.star ?? ''}
        label={`${template.name} is a favourite`}
        pressed={isFavourite}
        onClick={onStar}
      >
        {isFavourite ? <IconStarFilled size={15} /> : <IconStar size={15} />}
      </IconButton>
    </li>
  )
}

/** What is wrong in a source: the whole, or single templates. */
function Trouble({ source: { name, problem, faulty } }: { readonly source: TemplateSource }) {
  const lines = [
    ...(problem ? [{ what: name, problem }] : []),
    ...faulty.map((one) => ({ what: `${name}, ${one.id}`, problem: one.problem })),
  ]
  return lines.map((line) => (
    <p className={styles.trouble} key={line.what}>
      <IconAlertTriangle size={14} aria-hidden />
      <span>
        <b>{line.what}</b> {line.problem.title}. {line.problem.cause}
      </span>
    </p>
  ))
}
