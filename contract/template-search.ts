import type { Template } from './template'

/** Whether each word of `text` begins a word of what a template says about itself, or of where it comes from. */
export function matchesTemplate(
  { id, name, description, keywords }: Template,
  sourceName: string,
  text: string,
): boolean {
  const said = ` ${[id, name, description, sourceName, ...keywords].join(' ').toLowerCase()}`
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .every((word) => beginnings.some((before) => said.includes(before + word)))
}

const beginnings = [' ', '-', '/', '.', '(']
