const longest = 50

/**
 * The names of services as labels of DNS, by their written names: lower case, with `-` for what a label cannot have,
 * and a number behind where two would be the same.
 */
export function labelsOf(names: Iterable<string>): Map<string, string> {
  const labels = new Map<string, string>()
  const all = [...names]
  // One that is a label already keeps its name, whatever others become.
  const taken = new Set(all.filter((name) => label(name) === name))
  for (const name of all) {
    const base = label(name)
    let made = base
    for (let count = 2; base !== name && taken.has(made); count++) {
      const suffix = `-${count}`
      made = base.slice(0, longest - suffix.length).replace(/-+$/, '') + suffix
    }
    taken.add(made)
    labels.set(name, made)
  }
  return labels
}

function label(name: string): string {
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '-')
    .replace(/^-+/, '')
    .slice(0, longest)
    .replace(/-+$/, '')
  return made === '' ? 'service' : made
}

/** Whether a text can stand in a file of host names, as a name that leads somewhere. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?$/.test(text) && text !== 'localhost'
}
