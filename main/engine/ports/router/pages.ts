/** Seconds between a waiting page's attempts. */
export const RETRY_AFTER = 1

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

export interface PageContent {
  readonly title: string
  /** Plain text. */
  readonly lines: readonly string[]
  readonly links?: readonly { readonly url: string; readonly label: string }[]
  /** Tries again by itself. */
  readonly waits?: boolean
}

/** A page of Berth's own: no script, nothing from elsewhere, readable in light and dark. */
export function page(content: PageContent): string {
  const { title, lines, links = [], waits = false } = content
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${waits ? `<meta http-equiv="refresh" content="${RETRY_AFTER}">\n` : ''}<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 18vh auto; padding: 0 1.5rem }
h1 { font-size: 1.4rem; margin: 0 0 .5rem }
p, ul { margin: .5rem 0; opacity: .85 }
.wait { display: inline-block; width: .8em; height: .8em; border: 2px solid currentColor; border-right-color: transparent; border-radius: 50%; margin-right: .5em; animation: turn 1s linear infinite }
@keyframes turn { to { transform: rotate(1turn) } }
@media (prefers-reduced-motion: reduce) { .wait { animation: none } }
</style>
</head>
<body>
<main>
<h1>${waits ? '<span class="wait" aria-hidden="true"></span>' : ''}${escapeHtml(title)}</h1>
${lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('\n')}
${links.length > 0 ? `<ul>\n${links.map((link) => `<li><a href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></li>`).join('\n')}\n</ul>` : ''}
${waits ? '<p>This page tries again by itself.</p>' : ''}
</main>
</body>
</html>
`
}

/** The same for a program. */
export function plain(content: PageContent): string {
  const links = (content.links ?? []).map((link) => `  ${link.url}  ${link.label}`)
  return `${[content.title, ...content.lines, ...links].join('\n')}\n`
}
