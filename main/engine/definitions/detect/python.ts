import { type Clue, type Fact, tomlValue } from './evidence'
import { type Finding, type Place, type PortFinding, pathIn, portFinding } from './finding'
import { toolchains } from './toolchains'
import { versionFor } from './versions'

/** What is served by a package, by its name among the requirements: the port where nothing else is said. */
const servers: readonly (readonly [pattern: RegExp, label: string, port: number])[] = [
  [/^\W*(streamlit)\b/i, 'Streamlit', 8501],
  [/^\W*(gradio)\b/i, 'Gradio', 7860],
  [/^\W*(dash)\b(?!-)/i, 'Dash', 8050],
  [/^\W*(fastapi|uvicorn)\b/i, 'FastAPI', 8000],
  [/^\W*(django)\b(?!-)/i, 'Django', 8000],
  [/^\W*(flask)\b(?!-)/i, 'Flask', 5000],
  [/^\W*(jupyterlab|notebook|jupyter)\b/i, 'Jupyter', 8888],
]
const requirementFiles = ['requirements.txt', 'requirements-dev.txt', 'requirements.in']
/** Where an application begins, usually. */
const entries = ['app.py', 'main.py', 'wsgi.py', 'run.py', 'server.py']

/** A project of Python: any of the ways to say what it requires. */
export async function detectPython(place: Place): Promise<Finding | undefined> {
  const pyproject = await place.clue('pyproject.toml')
  const pipfile = await place.clue('Pipfile')
  const environment =
    (await place.clue('environment.yml')) ?? (await place.clue('environment.yaml')) ?? undefined
  const requirements = await firstClue(place, requirementFiles)
  const setup = await firstClue(place, ['setup.py', 'setup.cfg', 'manage.py'])
  const manifest = pyproject ?? requirements ?? pipfile ?? setup ?? environment
  if (!manifest) return undefined
  const isConda = environment !== undefined && !requirements && !pyproject && !pipfile
  const version = isConda ? undefined : await pythonVersion(place, pyproject, pipfile)
  const install = isConda
    ? environment.fact(`conda env update --name base --file ${environment.path.split('/').at(-1)}`)
    : installPython(place, { pyproject, pipfile, requirements, setup })
  const sources = [requirements, pyproject, pipfile, environment].filter((clue) => clue !== undefined)
  return {
    language: isConda ? 'conda' : 'python',
    folder: place.folder,
    manifest: manifest.fact(manifest.path),
    ...(version ? { version } : {}),
    ...(install ? { install } : {}),
    ports: await pythonPorts(place, sources),
  }
}

async function firstClue(place: Place, names: readonly string[]): Promise<Clue | undefined> {
  const name = names.find((one) => place.has(one))
  return name === undefined ? undefined : place.clue(name)
}

async function pythonVersion(
  place: Place,
  pyproject: Clue | undefined,
  pipfile: Clue | undefined,
): Promise<Fact | undefined> {
  const { preferred, parts } = toolchains.python
  const told = [
    (await place.clue('.python-version'))?.find(/^\s*([^\s#]+)\s*$/),
    (await place.clue('runtime.txt'))?.find(/^\s*python-(\S+)/),
    pyproject && tomlValue(pyproject, 'project', 'requires-python'),
    pyproject && tomlValue(pyproject, 'tool.poetry.dependencies', 'python'),
    pipfile && tomlValue(pipfile, 'requires', 'python_version'),
  ]
  for (const fact of told) {
    const version = fact && versionFor(fact.value, preferred, parts)
    if (fact && version !== undefined && /^3\.[1-9]\d?$/.test(version)) return { ...fact, value: version }
  }
  return undefined
}

interface Manifests {
  readonly pyproject: Clue | undefined
  readonly pipfile: Clue | undefined
  readonly requirements: Clue | undefined
  readonly setup: Clue | undefined
}

function installPython(
  place: Place,
  { pyproject, pipfile, requirements, setup }: Manifests,
): Fact | undefined {
  const because = (file: string, value: string): Fact => ({ value, because: pathIn(place, file) })
  if (place.has('uv.lock')) return because('uv.lock', 'pip install uv && uv sync')
  if (place.has('poetry.lock')) return because('poetry.lock', 'pip install poetry && poetry install')
  if (place.has('pdm.lock')) return because('pdm.lock', 'pip install pdm && pdm install')
  if (pipfile)
    return pipfile.fact(
      `pip install pipenv && pipenv ${place.has('Pipfile.lock') ? 'sync' : 'install'} --dev`,
    )
  if (requirements) return requirements.fact(`pip install -r ${requirements.path.split('/').at(-1)}`)
  const poetry = pyproject?.find(/^\s*(\[tool\.poetry\])/)
  if (poetry) return { ...poetry, value: 'pip install poetry && poetry install' }
  if (pyproject?.find(/^\s*(\[(?:project|build-system)\])/)) return pyproject.fact('pip install -e .')
  return setup && /setup\.(?:py|cfg)$/.test(setup.path) ? setup.fact('pip install -e .') : undefined
}

async function pythonPorts(place: Place, sources: readonly Clue[]): Promise<PortFinding[]> {
  for (const [pattern, label, port] of servers) {
    const usual = sources.map((clue) => clue.find(pattern)).find((fact) => fact !== undefined)
    const manage = label === 'Django' ? (await place.clue('manage.py'))?.fact('') : undefined
    const fact = usual ?? manage
    if (!fact) continue
    const told = label === 'Streamlit' ? await streamlitPort(place) : await sourcePort(place)
    const found = portFinding(told ?? { ...fact, value: String(port) }, label)
    return found ? [found] : []
  }
  return []
}

async function streamlitPort(place: Place): Promise<Fact | undefined> {
  const config = place.has('.streamlit') ? await place.clue('.streamlit/config.toml') : undefined
  return config && tomlValue(config, 'server', 'port')
}

/** `app.run(port=5001)`, `uvicorn.run(…, port=9000)`. */
async function sourcePort(place: Place): Promise<Fact | undefined> {
  for (const name of entries) {
    const found = (await place.clue(name))?.find(/\b(?:server_)?port\s*=\s*(\d{4,5})\b/i)
    if (found) return found
  }
  return undefined
}
