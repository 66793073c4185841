import { expect, it } from 'vitest'
import { editorsText } from './editors'
import { needsText } from './needs'

it('says what a definition asks of the machine', () => {
  expect(needsText(undefined)).toBe('')
  expect(needsText({ cpus: 4, memory: 8 * 1024 ** 3, storage: 1536 * 1024 ** 2, gpu: 'optional' })).toBe(
    '4 processors, 8 GB of memory, 1.5 GB of disk, a GPU, if there is one',
  )
})

it('says what it wants editors to have', () => {
  expect(editorsText(undefined)).toBe('')
  expect(
    editorsText({
      vscode: { extensions: ['a.b', '-c.d'], settings: { 'editor.tabSize': 2 } },
      jetbrains: { plugins: ['org.rust.lang'] },
    }),
  ).toBe('VS Code: a.b; 1 setting of VS Code; JetBrains: org.rust.lang')
})
