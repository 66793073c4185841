import { expect, it } from 'vitest'
import { gitWords, WithoutLogins } from './git-problems'

it('shows no login of what git prints, in whatever pieces that comes', () => {
  const text =
    "Submodule 'a' (https://me:se@cret@example.com/a) registered for path 'a'\nReceiving objects:  1%\rfatal: unable to access 'https://oauth2:secret@example.com/b/'"
  const shown = "Submodule 'a' (https://example.com/a) registered for path 'a'"
  for (const size of [1, 7, 60, 1_000]) {
    const output = new WithoutLogins()
    let told = ''
    for (let at = 0; at < text.length; at += size) told += output.feed(text.slice(at, at + size))
    told += output.flush()
    expect(told).toContain(shown)
    expect(told).toContain("unable to access 'https://example.com/b/'")
    expect(told).not.toContain('secret')
  }
  expect(gitWords(text)).not.toMatch(/cret/)
})
