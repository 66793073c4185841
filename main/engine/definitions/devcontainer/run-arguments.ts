import type { ContainerOptions, Mount, SourceMount } from '#contract'
import { ContainerDraft, readTmpfs, type Setting } from '../container/index'
import { shorten, type Value } from '../document/value'
import type { DefinitionContext } from '../reader'
import { closest } from '../suggest'
import { readMount as readMountOptions, readMountText } from './mounts'
import { readPublished } from './published'
import { type RunOption, runOption, runOptionNames } from './run-options'
import { isUnset, unsetReason } from './unset'

/** What the arguments of `docker run` in `runArgs` say. */
export interface RunArguments {
  readonly container?: ContainerOptions
  readonly env: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
  /** Parts of the source that are mounted, where it is no folder that the target could mount. */
  readonly parts: readonly SourceMount[]
  readonly user?: string
  readonly init: boolean
  /** Graphics processors are wanted. */
  readonly gpu: boolean
  /** Ports that are published; they are forwarded. */
  readonly ports: readonly number[]
}

const example = 'Write each word of the command line as a text of its own, for example ["--shm-size=1g"].'
const maximumArguments = 1000

/** A word of the command line, with the place that it stands in. */
interface Word {
  readonly text: string
  /** Variables of an environment as written: they may be secrets. */
  readonly guarded: string
  readonly value: Value
}

/** An option with its value, as found on the command line. */
interface Found {
  readonly name: string
  readonly option: RunOption
  readonly argument: Word
}

/**
 * Reads `runArgs` as `docker run` reads its command line. What is not applied is named with its place. Throws
 * `definition-invalid` for what Docker would refuse. `root` as for `readMounts`.
 */
export function readRunArguments(value: Value, context: DefinitionContext, root: string): RunArguments {
  const items = value.items(example)
  if (items.length > maximumArguments)
    throw value.wrong(`"runArgs" can have at most ${maximumArguments} words.`)
  const words = items.map(
    (item): Word => ({ text: item.text(example), guarded: item.guardedText(), value: item }),
  )
  const draft = new ContainerDraft()
  const env: [string, string][] = []
  const mounts: Mount[] = []
  const parts: SourceMount[] = []
  const ports: number[] = []
  let user: string | undefined
  let init = false
  let gpu = false
  for (const { name, option, argument } of parse(words)) {
    const place = argument.value.named(`${argument.value.name} --${name}`)
    if ('silent' in option || isOff(option, argument.text)) continue
    if ('refused' in option) place.ignore(option.refused)
    else if (isUnset(argument.guarded, argument.text)) place.ignore(unsetReason)
    else if ('setting' in option) draft.take(option.setting, settingText(option.setting, argument), place)
    else if (option.reads === 'init') init = true
    else if (option.reads === 'gpus') gpu = wantsGpu(argument.text, place)
    else if (option.reads === 'port') ports.push(...readPublished(argument.text, place))
    else if (option.reads === 'user') user = readUser(argument.text, place)
    else if (option.reads === 'env') {
      const variable = readVariable(argument, place, context)
      if (variable) env.push(variable)
    } else {
      const mount = readMount(option.reads, argument.text, place, context, root)
      if (mount && 'path' in mount) parts.push(mount)
      else if (mount) mounts.push(mount)
    }
  }
  const container = draft.options()
  return {
    env: Object.fromEntries(env),
    mounts,
    parts,
    init,
    gpu,
    ports,
    ...(user === undefined ? {} : { user }),
    ...(container ? { container } : {}),
  }
}

/** The options in their order. What is no option of `docker run` is named and left out. */
function* parse(words: readonly Word[]): Generator<Found> {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as Word
    const { text, value } = word
    if (text === '') continue
    if (text === '--' || text === '-' || !text.startsWith('-')) {
      value.ignore(`${JSON.stringify(shorten(text))} is no option of docker run`)
      continue
    }
    const isLong = text.startsWith('--')
    const found = isLong ? longOption(word) : undefined
    const group = isLong ? [] : letters(word)
    for (const one of found ? [found] : group) {
      if (one.argument) yield { ...one, argument: one.argument }
      else {
        index += 1
        const next = words[index]
        if (!next)
          throw value.wrong(`"--${one.name}" in "runArgs" needs a value.`, 'Write it behind the option.')
        yield { ...one, argument: next }
      }
    }
    // Nobody knows whether the next word belongs to an unknown option: one that cannot stand alone does.
    if (isLong && !found && !text.includes('=') && words[index + 1]?.text.startsWith('-') === false) {
      index += 1
      words[index]?.value.ignore('it belongs to the option before it')
    }
  }
}

type Half = Omit<Found, 'argument'> & { readonly argument?: Word }

function longOption(word: Word): Half | undefined {
  const after = (line: string) => line.slice(line.indexOf('=') + 1)
  const [, name = ''] = /^--([^=]*)/.exec(word.text) ?? []
  const known = name.length > 1 ? runOption(name) : undefined
  if (!known) {
    const meant = closest(name, runOptionNames)
    word.value.ignore(
      `there is no option --${shorten(name)} of docker run${meant ? `; did you mean "--${meant}"?` : ''}`,
    )
    return undefined
  }
  if (word.text.includes('='))
    return { ...known, argument: { text: after(word.text), guarded: after(word.guarded), value: word.value } }
  return known.option.takes === 'nothing' ? { ...known, argument: { ...word, text: '', guarded: '' } } : known
}

/** `-it`, `-v/a:/b`, `-e=NAME`: options by letters, of which the first that takes a value takes the rest. */
function letters(word: Word): Half[] {
  const found: Half[] = []
  for (let at = 1; at < word.text.length; at++) {
    const letter = word.text.charAt(at)
    const known = runOption(letter)
    if (!known) {
      word.value.ignore(`there is no option -${letter} of docker run`)
      return found
    }
    const rest = (line: string) => line.slice(at + 1).replace(/^=/, '')
    if (known.option.takes === 'nothing' && word.text.charAt(at + 1) !== '=') {
      found.push({ ...known, argument: { ...word, text: '', guarded: '' } })
      continue
    }
    const isLast = at + 1 >= word.text.length
    found.push(
      isLast
        ? known
        : { ...known, argument: { text: rest(word.text), guarded: rest(word.guarded), value: word.value } },
    )
    return found
  }
  return found
}

/** `all`, a number of them, or those that are named: a workspace has all that there are, or none. */
function wantsGpu(text: string, place: Value): boolean {
  if (text === '0') return false
  if (!/^"?(?:all|count=all)"?$/.test(text))
    place.ignore('a workspace has all graphics processors that there are')
  return true
}

/** `--privileged=false`, as Go reads what is true and what is not. */
function isOff(option: RunOption, text: string): boolean {
  return option.takes === 'nothing' && /^(?:0|f|false)$/i.test(text)
}

/** `--network` also takes a list of options, of which the name is one. */
function settingText(setting: Setting, { text }: Word): string {
  return setting === 'network' ? (/(?:^|,)name=([^,]*)/.exec(text)?.[1] ?? text) : text
}

function readUser(text: string, place: Value): string {
  if (!/^[^\s:\0]+(?::[^\s:\0]+)?$/.test(text)) throw place.mustBe('the name or number of a user')
  return text
}

/** `NAME=value`, or `NAME` alone, which is as this machine has it. */
function readVariable(
  { guarded }: Word,
  place: Value,
  { env }: DefinitionContext,
): [string, string] | undefined {
  const at = guarded.indexOf('=')
  const name = at < 0 ? guarded : guarded.slice(0, at)
  if (name === '' || /[=\0\n]/.test(name)) throw place.mustBe('a variable such as NAME=value')
  if (at >= 0) return [name, guarded.slice(at + 1)]
  if (env[name] !== undefined && /^[^:}]+$/.test(name)) return [name, `\${localEnv:${name}}`]
  place.ignore(`your environment has no variable ${shorten(name)}`)
  return undefined
}

function readMount(
  kind: 'volume' | 'mount' | 'tmpfs',
  text: string,
  place: Value,
  context: DefinitionContext,
  root: string,
): Mount | SourceMount | undefined {
  switch (kind) {
    case 'mount':
      return readMountText(text, place, context, root)
    case 'tmpfs':
      return readTmpfs(text, place)
    case 'volume':
      return readVolume(text, place, context, root)
  }
}

/** `source:/target[:options]`, or `/target` alone. */
function readVolume(
  text: string,
  place: Value,
  context: DefinitionContext,
  root: string,
): Mount | SourceMount | undefined {
  const drive = /^[A-Za-z]:[/\\][^:]*:\//.test(text) ? text.slice(0, 2) : ''
  const [first = '', second, options = ''] = text.slice(drive.length).split(':')
  const source = second === undefined ? undefined : drive + first
  const isPath = source !== undefined && (drive !== '' || /^[./~]/.test(source))
  for (const option of options.split(',')) {
    if (!['', 'ro', 'rw', 'z', 'Z', 'cached', 'delegated', 'consistent'].includes(option))
      place.ignore(`the option ${shorten(option)} is not applied; the mount itself is`)
  }
  return readMountOptions(
    place,
    context,
    root,
    new Map([
      ['type', isPath ? 'bind' : 'volume'],
      ...(source === undefined ? [] : [['source', source] as const]),
      ['target', second ?? first],
      ...(options.split(',').includes('ro') ? [['readonly', ''] as const] : []),
    ]),
  )
}
