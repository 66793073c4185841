import type { Service } from '#contract'

/** A database that a definition can name in one word. */
interface KnownService {
  readonly title: string
  /** Names of its images without registry, `library/` and version. */
  readonly images: readonly string[]
  /** The image where no version is named: fixed to one whose data the next one may not read. */
  readonly image: string
  readonly port: number
  /** Where its data is, for a version's first number. */
  readonly data: (major: number) => string
  /** Development's credentials, the same in each workspace: data is copied between them, and its users with it. */
  readonly env: Readonly<Record<string, string>>
  /** Those of `env` and their like that a repository may give itself. */
  readonly credentials: RegExp
  readonly check: (env: Readonly<Record<string, string>>) => readonly string[]
  /** The variable that leads an application there, and its value. */
  readonly variable: string
  readonly url: (env: Readonly<Record<string, string>>) => string
}

const password = 'development'
const mysqlCredentials = /^(?:MYSQL|MARIADB)_(?:USER|PASSWORD|ROOT_PASSWORD|DATABASE)$/

/** `127.0.0.1`, and not `localhost`, for which its clients look for a socket. */
function mysqlUrl(prefix: string) {
  return (env: Readonly<Record<string, string>>) => {
    const user = env[`${prefix}_USER`] ?? 'root'
    const word = user === 'root' ? env[`${prefix}_ROOT_PASSWORD`] : env[`${prefix}_PASSWORD`]
    return `mysql://${login(user, word ?? '')}@127.0.0.1:3306/${encodeURIComponent(env[`${prefix}_DATABASE`] ?? '')}`
  }
}

const known = {
  postgres: {
    title: 'PostgreSQL',
    images: ['postgres', 'postgis/postgis', 'pgvector/pgvector', 'timescale/timescaledb'],
    image: 'postgres:17',
    port: 5432,
    // Since 18 the image keeps each version's data in a folder of its own (docker-library/postgres, "PGDATA").
    data: (major) => (major >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data'),
    env: { POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: password, POSTGRES_DB: 'app' },
    credentials: /^POSTGRES_(?:USER|PASSWORD|DB)$/,
    // By TCP: while it sets itself up it listens on its socket only.
    check: ({ POSTGRES_USER = 'postgres' }) => ['pg_isready', '-h', '127.0.0.1', '-U', POSTGRES_USER],
    variable: 'DATABASE_URL',
    url: ({ POSTGRES_USER = 'postgres', POSTGRES_PASSWORD = '', POSTGRES_DB = POSTGRES_USER }) =>
      `postgresql://${login(POSTGRES_USER, POSTGRES_PASSWORD)}@localhost:5432/${encodeURIComponent(POSTGRES_DB)}`,
  },
  mysql: {
    title: 'MySQL',
    images: ['mysql', 'mysql/mysql-server'],
    image: 'mysql:8.4',
    port: 3306,
    data: () => '/var/lib/mysql',
    env: { MYSQL_ROOT_PASSWORD: password, MYSQL_DATABASE: 'app' },
    credentials: mysqlCredentials,
    check: () => ['mysqladmin', 'ping', '-h', '127.0.0.1', '--silent'],
    variable: 'DATABASE_URL',
    url: mysqlUrl('MYSQL'),
  },
  mariadb: {
    title: 'MariaDB',
    images: ['mariadb'],
    image: 'mariadb:11.4',
    port: 3306,
    data: () => '/var/lib/mysql',
    env: { MARIADB_ROOT_PASSWORD: password, MARIADB_DATABASE: 'app' },
    credentials: mysqlCredentials,
    check: () => ['mariadb-admin', 'ping', '-h', '127.0.0.1', '--silent'],
    variable: 'DATABASE_URL',
    url: (env) =>
      mysqlUrl(Object.keys(env).some((name) => name.startsWith('MYSQL_')) ? 'MYSQL' : 'MARIADB')(env),
  },
  redis: {
    title: 'Redis',
    images: ['redis', 'valkey/valkey', 'redis/redis-stack-server'],
    image: 'redis:7.4',
    port: 6379,
    data: () => '/data',
    env: {},
    credentials: /^$/,
    check: () => ['redis-cli', 'ping'],
    variable: 'REDIS_URL',
    url: () => 'redis://localhost:6379',
  },
  mongo: {
    title: 'MongoDB',
    images: ['mongo'],
    image: 'mongo:8.0',
    port: 27017,
    data: () => '/data/db',
    env: {},
    credentials: /^MONGO_INITDB_(?:ROOT_USERNAME|ROOT_PASSWORD|DATABASE)$/,
    check: () => ['mongosh', '--quiet', '--eval', 'db.runCommand("ping").ok'],
    variable: 'MONGODB_URI',
    url: ({
      MONGO_INITDB_ROOT_USERNAME: user,
      MONGO_INITDB_ROOT_PASSWORD: word,
      MONGO_INITDB_DATABASE = 'app',
    }) =>
      user === undefined || word === undefined
        ? `mongodb://localhost:27017/${encodeURIComponent(MONGO_INITDB_DATABASE)}`
        : `mongodb://${login(user, word)}@localhost:27017/${encodeURIComponent(MONGO_INITDB_DATABASE)}?authSource=admin`,
  },
} satisfies Readonly<Record<string, KnownService>>

export type ServiceKind = keyof typeof known
export const serviceKinds = Object.keys(known) as readonly ServiceKind[]

const of = (kind: ServiceKind): KnownService => known[kind]

export function titleOf(kind: ServiceKind): string {
  return of(kind).title
}

/** Which database an image is; undefined for others. */
export function kindOfImage(image: string): ServiceKind | undefined {
  const name = image
    .split('@')[0]
    ?.replace(/:[\w.-]*$/, '')
    .replace(/^(?:[^/]*[.:][^/]*\/)?(?:library\/)?/, '')
  return serviceKinds.find((kind) => of(kind).images.includes(name ?? ''))
}

/**
 * The image that a short form means: `postgres`, or `postgres:16`. Undefined for other words, among them images that
 * are not Docker's own.
 */
export function imageOfShortForm(
  text: string,
): { readonly kind: ServiceKind; readonly image: string } | undefined {
  const [, word = '', tag] = /^([a-z]+)(?::(\w[\w.-]{0,127}))?$/.exec(text) ?? []
  const kind = serviceKinds.find((one) => one === word)
  return kind && { kind, image: tag === undefined ? of(kind).image : text }
}

/**
 * A database with all that it needs: a volume for its data, the port, a health check. `own`: what a repository says
 * of its user, password and database, in place of the usual.
 */
export function knownService(
  kind: ServiceKind,
  name: string,
  image: string,
  own: Readonly<Record<string, string>> = {},
): Service {
  const { data, port, check, credentials } = of(kind)
  const given = Object.fromEntries(Object.entries(own).filter(([key]) => credentials.test(key)))
  const hasOwn = Object.keys(given).some((key) => key.endsWith('PASSWORD'))
  const env = { ...(hasOwn ? {} : of(kind).env), ...given }
  const major = Number(/:(?:pg)?(\d+)/.exec(image)?.[1] ?? 0)
  return {
    name,
    image,
    env,
    mounts: [{ type: 'volume', source: `${name}-data`, target: data(major) }],
    ports: [port],
    aliases: [],
    // A slow machine may be long about its first start.
    health: { command: [...check(env)], interval: 5_000, timeout: 5_000, retries: 12, startPeriod: 60_000 },
    dependsOn: [],
    restart: 'always',
  }
}

/** The variable that leads there; one that is taken gives way to the service's own name. Undefined: both are taken. */
export function variableOf(
  kind: ServiceKind,
  service: Pick<Service, 'name' | 'env'>,
  taken: Readonly<Record<string, string>>,
): readonly [name: string, value: string] | undefined {
  const names = [of(kind).variable, `${service.name.toUpperCase().replaceAll('-', '_')}_URL`]
  const free = names.find((name) => !Object.hasOwn(taken, name))
  return free === undefined ? undefined : [free, of(kind).url(service.env)]
}

function login(user: string, word: string): string {
  return `${encodeURIComponent(user)}:${encodeURIComponent(word)}`
}
