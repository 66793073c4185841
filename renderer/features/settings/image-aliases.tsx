import { Button, TextInput } from '@mantine/core'
import { IconArrowRight, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { type ImageAliases as Aliases, imageAliasFault } from '#contract'
import { Section } from '../../ui/facts'
import { IconButton } from '../../ui/icon-button'
import styles from './settings.module.css'

interface ImageAliasesProps {
  readonly aliases: Aliases
  readonly change: (aliases: Aliases) => void
}

/** Other names for images: a mirror's, say. What is written last is not saved before Add. */
export function ImageAliases({ aliases, change }: ImageAliasesProps) {
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const [fault, setFault] = useState<string | undefined>()
  const add = () => {
    const [name, other] = [from.trim(), to.trim()]
    const found = Object.hasOwn(aliases, name)
      ? `${name} has another name already: remove that one first.`
      : imageAliasFault(name, other)
    setFault(found)
    if (found !== undefined) return
    change({ ...aliases, [name]: other })
    setFrom('')
    setTo('')
  }
  const remove = (name: string) =>
    change(Object.fromEntries(Object.entries(aliases).filter(([one]) => one !== name)))
  const onKeyDown = (key: string) => {
    if (key === 'Enter') add()
  }
  return (
    <Section title="Other names for images">
      <div className={styles.explained}>
        <div className={styles.text}>
          Images are got by the name on the right instead, in Dockerfiles too. Names that end with / stand for
          all that begin so; a name without a tag stands for every tag.
        </div>
      </div>
      {Object.entries(aliases).map(([name, other]) => (
        <div className={styles.alias} key={name}>
          <span className={styles.aliasName}>{name}</span>
          <IconArrowRight className={styles.arrow} size={14} aria-label="is got as" />
          <span className={styles.aliasName}>{other}</span>
          <IconButton label={`Remove ${name}`} onClick={() => remove(name)}>
            <IconTrash size={15} />
          </IconButton>
        </div>
      ))}
      <div className={styles.alias}>
        <TextInput
          aria-label="Name of an image, or its beginning"
          placeholder="docker.io/library/"
          value={from}
          error={fault !== undefined}
          onChange={(event) => setFrom(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown(event.key)}
        />
        <IconArrowRight className={styles.arrow} size={14} aria-hidden />
        <TextInput
          aria-label="Name to get it by"
          placeholder="mirror.example.com/library/"
          value={to}
          error={fault !== undefined}
          onChange={(event) => setTo(event.currentTarget.value)}
          onKeyDown={(event) => onKeyDown(event.key)}
        />
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={from.trim() === '' || to.trim() === ''}
          onClick={add}
        >
          Add
        </Button>
      </div>
      {fault === undefined ? null : (
        <div className={styles.fault} role="alert">
          {fault}
        </div>
      )}
    </Section>
  )
}
