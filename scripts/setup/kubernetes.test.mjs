import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { kubernetesPrograms, unpackKubernetes } from './kubernetes.mjs'

/** @type {string} */
let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-binaries-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** An archive of programs; what its sums are of may differ. @param {string[]} programs @param {(program: string) => string} summed */
function archiveOf(programs, summed = (program) => program) {
  const source = join(folder, 'source')
  mkdirSync(join(source, 'bin'), { recursive: true })
  const sums = programs.map((program) => {
    writeFileSync(join(source, 'bin', program), program)
    return `${createHash('sha256').update(summed(program)).digest('hex')}  bin/${program}\n`
  })
  writeFileSync(join(source, 'SHA256SUMS'), sums.join(''))
  const archive = join(folder, 'archive.tar')
  execFileSync('tar', ['-C', source, '-cf', archive, '.'])
  return archive
}
const made = () => join(folder, 'cache/kubernetes')

it('unpacks what is as its sums say', async () => {
  await unpackKubernetes(archiveOf(kubernetesPrograms), made())
  expect(readdirSync(join(made(), 'bin'))).toEqual(kubernetesPrograms)
  expect(readFileSync(join(made(), 'bin/kubelet'), 'utf8')).toBe('kubelet')
})

it('leaves nothing of what differs from its sums, or lacks a program', async () => {
  const broken = archiveOf(kubernetesPrograms, (program) => (program === 'kubelet' ? 'other' : program))
  await expect(unpackKubernetes(broken, made())).rejects.toThrow('bin/kubelet is not what SHA256SUMS says')
  rmSync(join(folder, 'source'), { recursive: true })
  await expect(unpackKubernetes(archiveOf(['kubelet']), made())).rejects.toThrow('lacks kube-apiserver')
  expect(readdirSync(join(folder, 'cache'))).toEqual([])
})

it('takes away what was left half made', async () => {
  const ended = spawnSync('true').pid
  mkdirSync(`${made()}-${ended}-abcdef`, { recursive: true })
  mkdirSync(`${made()}-${process.pid}-abcdef`)
  await unpackKubernetes(archiveOf(kubernetesPrograms), made())
  expect(readdirSync(join(folder, 'cache')).sort()).toEqual([
    'kubernetes',
    `kubernetes-${process.pid}-abcdef`,
  ])
})
