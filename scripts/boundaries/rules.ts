/** What the sources of one workspace may reach. */
export interface PackageRules {
  /** Folder below the root of the workspace. */
  readonly folder: string
  readonly name: string
  /** Packages of this workspace that its sources may import. */
  readonly workspace: readonly string[]
  /** Guarded libraries that its sources may import; `'any'` lifts the guard. */
  readonly guarded: readonly string[] | 'any'
  /** Whether its sources also run outside of Node.js, in a browser or an edge worker; or which files and folders do. */
  readonly portable: boolean | readonly string[]
}

/** Libraries with one home each: replacing a driver must never touch more than one package. */
export const GUARDED_LIBRARIES: readonly string[] = [
  'better-sqlite3',
  'cbor-x',
  'ioredis',
  'lru-cache',
  'rxjs',
  // private tools of testkit
  'fast-check',
  'vitest',
]

/** Globals that exist in Node.js only. */
export const NODE_GLOBALS: readonly string[] = [
  'Buffer',
  '__dirname',
  '__filename',
  'clearImmediate',
  'global',
  'process',
  'require',
  'setImmediate',
]

const CORE = '@tidemark/core'
const PARTS = [
  CORE,
  '@tidemark/sqlite',
  '@tidemark/redis',
  '@tidemark/tiered',
  '@tidemark/hooks',
  '@tidemark/sinks',
  '@tidemark/codecs',
  '@tidemark/state',
]
const EVERYTHING = [...PARTS, 'tidemark', '@tidemark/testkit']

/** core ← {sqlite, redis, tiered, hooks, sinks, codecs, state, testkit} ← tidemark ← apps. Siblings never import one another. */
export const RULES: readonly PackageRules[] = [
  { folder: 'packages/core', name: CORE, workspace: [], guarded: ['cbor-x', 'lru-cache'], portable: true },
  {
    folder: 'packages/sqlite',
    name: '@tidemark/sqlite',
    workspace: [CORE],
    guarded: ['better-sqlite3'],
    portable: false,
  },
  { folder: 'packages/redis', name: '@tidemark/redis', workspace: [CORE], guarded: ['ioredis'], portable: false },
  { folder: 'packages/tiered', name: '@tidemark/tiered', workspace: [CORE], guarded: ['rxjs'], portable: true },
  { folder: 'packages/hooks', name: '@tidemark/hooks', workspace: [CORE], guarded: ['rxjs'], portable: true },
  {
    folder: 'packages/sinks',
    name: '@tidemark/sinks',
    workspace: [CORE],
    guarded: [],
    portable: ['src/sink.ts', 'src/webhook'],
  },
  { folder: 'packages/codecs', name: '@tidemark/codecs', workspace: [CORE], guarded: [], portable: false },
  { folder: 'packages/state', name: '@tidemark/state', workspace: [CORE], guarded: [], portable: true },
  {
    folder: 'packages/testkit',
    name: '@tidemark/testkit',
    workspace: [CORE],
    guarded: ['fast-check', 'vitest'],
    portable: false,
  },
  { folder: 'packages/tidemark', name: 'tidemark', workspace: PARTS, guarded: ['rxjs'], portable: false },
  { folder: 'apps/demo', name: '@tidemark/demo', workspace: EVERYTHING, guarded: ['rxjs'], portable: false },
  {
    folder: 'bench',
    name: '@tidemark/bench',
    workspace: [...EVERYTHING, '@tidemark/bench-peers'],
    guarded: 'any',
    portable: false,
  },
  {
    folder: 'proof',
    name: '@tidemark/proof',
    workspace: [...EVERYTHING, '@tidemark/bench-peers'],
    guarded: 'any',
    portable: false,
  },
  { folder: 'bench-peers', name: '@tidemark/bench-peers', workspace: [], guarded: 'any', portable: false },
]
