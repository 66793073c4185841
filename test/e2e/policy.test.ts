import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
let home: Home
let berth: BerthApp
let team: Repository
let mistaken: Repository
let source: Repository
pictureFailures(() => berth)
let window: BerthPage

const policy = (spec: string) =>
  `apiVersion: berth.dev/v1\nkind: Policy\nmetadata:\n  name: blue\nspec:\n${spec}`

beforeAll(async () => {
  docker = await startWindowDocker()
  team = await makeRepository('policies', {
    'berth.yaml': policy(`  images: { allowed: ["berth-test/*"] }
  resources: { max: { cpu: "1", memory: 512Mi } }
  env: { TEAM: blue }
  idle: { maximum: 8, default: 2 }
  message: { text: Ask the platform team for more., url: "https://wiki.example/berth" }
`),
  })
  mistaken = await makeRepository('mistaken', { 'berth.yaml': policy('  imags: {}\n') })
  source = await makeRepository('project', {
    '.devcontainer/devcontainer.json': JSON.stringify({ name: 'Project', image: TEST_IMAGES.debian }),
  })
  home = await makeHome()
  berth = await launchBerth({ env: docker.env, home })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await home?.dispose()
    for (const each of [team, mistaken, source]) await each?.dispose()
    await docker?.dispose()
  }
})

const settings = () => window.page.getByRole('region', { name: 'Team policies' })
const says = () => window.page.getByRole('region', { name: 'Your team says' })
const createButton = () => window.page.getByRole('button', { name: 'Create workspace' })
async function add(url: string): Promise<void> {
  await window.go('Settings')
  await settings().getByLabel('Git URL of a team policy').fill(url)
  await settings().getByLabel('Git URL of a team policy').press('Enter')
}

describe('a team policy in the window', () => {
  it('is added in the settings, with where it is from and how current', async () => {
    await add(team.url)
    await settings().getByText('blue', { exact: true }).waitFor()
    await settings()
      .getByText(/Current at commit [0-9a-f]{12}/)
      .waitFor()
  })

  it('says before a workspace is made what it changes', async () => {
    await window.giveSource(source.url)
    await says().getByText('Variable TEAM is set').waitFor()
    await says().getByText('Limited to 1 CPU').waitFor()
    await says().getByText('Stops by itself after 2 hours without activity').waitFor()
    expect(await createButton().isEnabled()).toBe(true)
  })

  it('refuses what it does not allow, and says what it does', async () => {
    await window.giveSource('evil.example/thing:1')
    await says().getByText('The image evil.example/thing:1 is not allowed').waitFor()
    await says().getByText('Allowed are berth-test/*.').waitFor()
    expect(await createButton().isEnabled()).toBe(false)
  })

  it('that has a mistake is shown with its place, and keeps a workspace from being made until it is removed', async () => {
    await add(mistaken.url)
    await settings()
      .getByText(/Line 6, column 3/)
      .waitFor()
    await window.giveSource(source.url)
    await window.page.getByText(/The team policy has a mistake/).waitFor()
    await window.go('Settings')
    await settings()
      .getByRole('button', { name: `Remove ${mistaken.url}` })
      .click()
    await settings()
      .getByText(/Line 6, column 3/)
      .waitFor({ state: 'detached' })
    await window.giveSource(source.url)
    await says().getByText('Limited to 1 CPU').waitFor()
  })
})
