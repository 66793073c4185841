import type { Node } from 'jsonc-parser'
import type { ProblemError } from '#contract'
import type { Document } from '../document/document'
import type { DefinitionFile } from '../document/value'
import type { TemplateReference } from '../reader'

/** Where a devfile is: in the repository, at an address, or an object of a cluster. */
export type Origin =
  | { readonly kind: 'repository'; readonly path: string }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'template'; readonly reference: TemplateReference }

export interface Layer {
  readonly document: Document
  readonly origin: Origin
}

/** Knows of each value of a devfile and its parents which file it is from, also when they have become one tree. */
export class Places {
  readonly #layers = new WeakMap<Node, Layer>()
  #first: Layer | undefined

  /** All values of a file. The first one is the file that is read. */
  add(layer: Layer): void {
    this.#first ??= layer
    const nodes: Node[] = [layer.document.root]
    for (let node = nodes.pop(); node; node = nodes.pop()) {
      this.#layers.set(node, layer)
      for (const child of node.children ?? []) nodes.push(child)
    }
  }

  /** An object, list or property made of several: a message about it points to where `like` is. */
  make(type: Node['type'], like: Node, children: Node[]): Node {
    const made: Node = { type, offset: like.offset, length: like.length, children }
    this.#layers.set(made, this.layerOf(like))
    return made
  }

  layerOf(node: Node): Layer {
    const layer = this.#layers.get(node) ?? this.#first
    if (!layer) throw new Error('No file was added.')
    return layer
  }

  /** The whole as a file whose values know their places. */
  file(root: Node, rest: Omit<DefinitionFile, 'document'>): DefinitionFile {
    const invalid = (where: number | Node, cause: string, remedy?: string): ProblemError =>
      this.layerOf(typeof where === 'number' ? root : where).document.invalid(where, cause, remedy)
    return { ...rest, document: { root, invalid } }
  }
}
