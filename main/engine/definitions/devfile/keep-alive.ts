const shells = /^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z|k)?sh$/

/** Scripts of a shell that do nothing, for ever. */
const idleScripts = [
  /^(?:exec )?(?:\/(?:usr\/)?bin\/)?tail -[fF] \/dev\/null$/,
  /^(?:exec )?(?:\/(?:usr\/)?bin\/)?sleep (?:infinity|inf|\d{4,12}[smhd]?)$/,
  /^while (?:true|:|\[ 1 \]) ?; ?do sleep \d{1,12}[smhd]? ?; ?done$/,
  /^while sleep \d{1,12}[smhd]? ?; ?do : ?; ?done$/,
]

/**
 * Whether a container's argument vector has no other purpose than to keep the container: devfiles have such a one
 * because a container ends with its command.
 */
export function keepsAlive(vector: readonly string[]): boolean {
  const [first = '', ...rest] = vector
  const script = shells.test(first) && /^-[a-z]*c$/.test(rest[0] ?? '') ? rest[1] : vector.join(' ')
  if (script === undefined || script.length > 200) return false
  const plain = script.trim().replace(/\s+/g, ' ').replace(/ ?;$/, '')
  return idleScripts.some((form) => form.test(plain))
}
