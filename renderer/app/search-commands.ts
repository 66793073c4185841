import type { Command } from '../lib/commands'

/**
 * How well a command fits what was typed; 0: not at all. Every typed word has to be found; a word at the beginning
 * of the title is worth most, then the beginning of any word, then anywhere, then letters in order (`nw` for “New workspace”).
 */
export function score(command: Pick<Command, 'title' | 'group' | 'words'>, query: string): number {
  const title = command.title.toLowerCase()
  const rest = `${command.group} ${command.words ?? ''}`.toLowerCase()
  let total = 1
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const worth = scoreWord(title, rest, word)
    if (worth === 0) return 0
    total += worth
  }
  return total
}

function scoreWord(title: string, rest: string, word: string): number {
  if (title.startsWith(word)) return 100
  if (new RegExp(`[^a-z0-9]${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).test(title)) return 60
  if (title.includes(word)) return 40
  if (rest.includes(word)) return 20
  let position = 0
  for (const letter of word) {
    position = title.indexOf(letter, position) + 1
    if (position === 0) return 0
  }
  return 5
}

/** The commands that fit, best first; without a query all, in their own order. */
export function searchCommands(commands: readonly Command[], query: string): readonly Command[] {
  const offered = commands.filter((command) => !command.hidden && !command.shownOnly)
  if (query.trim() === '') return offered
  return offered
    .map((command) => ({ command, worth: score(command, query) }))
    .filter(({ worth }) => worth > 0)
    .sort((one, other) => other.worth - one.worth)
    .map(({ command }) => command)
}
