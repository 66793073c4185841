import type { Customizations } from '#contract'

/** What a definition wants editors to have, in one line; empty where it wants nothing. */
export function editorsText(customizations: Customizations | undefined): string {
  const { vscode, jetbrains } = customizations ?? {}
  const wanted = vscode?.extensions.filter((id) => !id.startsWith('-')) ?? []
  const settings = Object.keys(vscode?.settings ?? {}).length
  const plugins = jetbrains?.plugins ?? []
  return [
    ...(wanted.length > 0 ? [`VS Code: ${wanted.join(', ')}`] : []),
    ...(settings > 0 ? [settings === 1 ? '1 setting of VS Code' : `${settings} settings of VS Code`] : []),
    ...(plugins.length > 0 ? [`JetBrains: ${plugins.join(', ')}`] : []),
  ].join('; ')
}
