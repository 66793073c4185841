import type { Node } from 'jsonc-parser'

/** Fields of an object, at most 200 of them. */
export function fieldsOf(node: Node | undefined): readonly (readonly [name: string, value: Node])[] {
  if (node?.type !== 'object') return []
  return (node.children ?? []).slice(0, 200).flatMap(({ children }) => {
    const [key, value] = children ?? []
    return key && value ? [[String(key.value), value] as const] : []
  })
}

export function fieldOf(node: Node | undefined, name: string): Node | undefined {
  return fieldsOf(node).find(([one]) => one === name)?.[1]
}

/** Items of a list, at most 200 of them. */
export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.type === 'array' ? (node.children ?? []).slice(0, 200) : []
}

/** A string, or a number or boolean as it is read. */
export function scalarOf(node: Node | undefined): string | undefined {
  if (node?.type !== 'string' && node?.type !== 'number' && node?.type !== 'boolean') return undefined
  return String(node.value).slice(0, 1_000)
}
