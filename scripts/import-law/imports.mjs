import { existsSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { parseSync } from 'vite'

/**
 * One import as it stands in a file.
 * @typedef {{ specifier: string, line: number, names: string[] }} Import
 * `names` holds the imported names; `*` for a namespace or a dynamic import, nothing for a side effect alone.
 */

/** @typedef {{ kind: 'file', path: string } | { kind: 'package', name: string } | { kind: 'builtin', name: string } | { kind: 'missing' }} Target */

/**
 * Every import of a source: static, type-only, re-export, dynamic, `import x = require`, `require()`, `typeof
 * import()`, and worker or module URLs made with `new URL('./x', import.meta.url)` are not imports and not listed.
 * @param {string} path
 * @param {string} source
 * @returns {Import[]}
 */
export function importsOf(path, source) {
  const { program, errors } = parseSync(path, source)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message ?? 'cannot be parsed'}`)
  const lineStarts = [0]
  for (let index = source.indexOf('\n'); index >= 0; index = source.indexOf('\n', index + 1)) {
    lineStarts.push(index + 1)
  }
  const lineOf = (/** @type {number} */ offset) => {
    let line = 0
    while (line + 1 < lineStarts.length && (lineStarts[line + 1] ?? 0) <= offset) line += 1
    return line + 1
  }
  /** @type {Import[]} */
  const found = []
  const add = (/** @type {any} */ literal, /** @type {string[]} */ names) => {
    const text =
      literal?.type === 'Literal'
        ? literal.value
        : literal?.type === 'TemplateLiteral' && literal.expressions.length === 0
          ? literal.quasis[0].value.cooked
          : undefined
    if (typeof text === 'string') found.push({ specifier: text, line: lineOf(literal.start), names })
  }
  const nameOf = (/** @type {any} */ node) => node?.name ?? node?.value ?? '*'
  const visit = (/** @type {any} */ node) => {
    if (!node || typeof node !== 'object') return
    if (Array.isArray(node)) {
      for (const child of node) visit(child)
      return
    }
    switch (node.type) {
      case 'ImportDeclaration':
        add(
          node.source,
          node.specifiers.map((/** @type {any} */ one) =>
            one.type === 'ImportSpecifier'
              ? nameOf(one.imported)
              : one.type === 'ImportDefaultSpecifier'
                ? 'default'
                : '*',
          ),
        )
        return
      case 'ExportNamedDeclaration':
        if (node.source)
          add(
            node.source,
            node.specifiers.map((/** @type {any} */ one) => nameOf(one.local)),
          )
        break
      case 'ExportAllDeclaration':
        add(node.source, ['*'])
        return
      case 'ImportExpression':
        add(node.source, ['*'])
        break
      case 'TSImportType':
        add(node.source ?? node.argument?.literal, [nameOf(node.qualifier)])
        break
      case 'TSExternalModuleReference':
        add(node.expression, ['*'])
        return
      case 'CallExpression':
        if (node.callee?.type === 'Identifier' && node.callee.name === 'require')
          add(node.arguments[0], ['*'])
        break
    }
    for (const value of Object.values(node)) if (value && typeof value === 'object') visit(value)
  }
  visit(program.body)
  return found
}

const extensions = ['', '.ts', '.tsx', '.mts', '.d.mts', '.mjs', '.js', '.cjs', '.json']

/** @param {string} path */
const isFile = (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/**
 * Where an import leads, as the bundler and the type checker see it: relative files with or without extension,
 * folders by their index, package.json's `imports`, Node's built-ins, packages.
 * @param {string} root absolute path of the repository
 * @param {string} from absolute path of the importing file
 * @param {string} specifier
 * @returns {Target}
 */
export function resolveImport(root, from, specifier) {
  const bare = specifier.replace(/[?#](raw|url|inline|worker|worker&.*)$/, '')
  if (bare.startsWith('#')) {
    const mapped = mapSubpath(root, bare)
    return mapped && isFile(mapped) ? { kind: 'file', path: inRepository(root, mapped) } : { kind: 'missing' }
  }
  if (bare.startsWith('.') || bare.startsWith('/')) {
    const base = resolve(dirname(from), bare)
    for (const extension of extensions) {
      if (isFile(base + extension)) return { kind: 'file', path: inRepository(root, base + extension) }
    }
    for (const index of ['index.ts', 'index.tsx', 'index.mjs', 'index.js']) {
      if (isFile(join(base, index))) return { kind: 'file', path: inRepository(root, join(base, index)) }
    }
    return { kind: 'missing' }
  }
  if (isBuiltin(bare)) return { kind: 'builtin', name: bare.replace(/^node:/, '') }
  const parts = bare.split('/')
  const name = bare.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? bare)
  return { kind: 'package', name }
}

/** @param {string} root @param {string} path */
const inRepository = (root, path) => relative(root, path).split(sep).join('/')

/**
 * @param {string} root
 * @param {string} specifier
 * @returns {string | undefined}
 */
function mapSubpath(root, specifier) {
  const manifest = join(root, 'package.json')
  if (!existsSync(manifest)) return undefined
  /** @type {Record<string, string>} */
  const imports = JSON.parse(readFileSync(manifest, 'utf8')).imports ?? {}
  const exact = imports[specifier]
  if (exact) return join(root, exact)
  for (const [pattern, target] of Object.entries(imports)) {
    const [before, after] = pattern.split('*')
    if (after === undefined || before === undefined) continue
    if (!specifier.startsWith(before) || !specifier.endsWith(after)) continue
    return join(root, target.replace('*', specifier.slice(before.length, specifier.length - after.length)))
  }
  return undefined
}
