/** Control characters but tab and line feed, and what turns the direction of writing. */
const misleading = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** A text of a file as people are shown it: without what would make it look like another one. */
export function shownText(text: string): string {
  return text.replace(misleading, '')
}
