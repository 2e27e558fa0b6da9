import { resolve } from 'node:path'
import {
  assertKnown,
  between,
  callback,
  type Clock,
  clockOption,
  type Codec,
  codecOption,
  flag,
  oneOf,
  wholeBetween,
} from '@tidemark/core'

export type OpenMode = 'open-or-create' | 'create' | 'open'

/** Which file holds the store, and how it is opened. A wrong or unknown option throws at once. */
export interface SqliteBackOptions {
  /** Path of the database file, or ':memory:' for one that lives and dies with this object. */
  readonly file: string
  /**
   * `open`: the store has to be there. `create`: there must be no store in it, nor anything else; an empty file will do.
   * @default 'open-or-create'; 'open' when `readOnly`
   */
  readonly mode?: OpenMode | undefined
  /** Never writes to the file. Commits reject with READ_ONLY. @default false */
  readonly readOnly?: boolean | undefined
  /** How values become bytes. @default CBOR */
  readonly codec?: Codec | undefined
  /** The name of this tier in answers and errors. @default 'sqlite' */
  readonly name?: string | undefined
  /**
   * `full`: an acknowledged write survives a power loss. `normal`: it survives the end of the process in any way, but a
   * power loss may take the last ones back. A file that was written so is marked with the boot of the operating system
   * (on Linux, which tells it), and when it is opened in another one, every shared front starts anew and every lease ends.
   * Tokens of changes that were lost are refused with LOG_AHEAD or LOG_DIVERGED, all others stay valid. A version that a
   * client kept, for `ifVersion`, may by then be that of another value.
   * @default 'full'
   */
  readonly synchronous?: 'full' | 'normal' | undefined
  /** How long a commit may wait for other processes that write, 0..600,000 ms; then it rejects with BUSY. @default 5000 */
  readonly busyTimeoutMs?: number | undefined
  /**
   * How often `log.wait` looks for commits of other processes, 0.1..60,000 ms; a function is asked before each look. Only
   * while someone waits.
   * @default 2
   */
  readonly pollMs?: number | (() => number) | undefined
  /** The most writes (within one, a proposal stays whole) that share one transaction, 1..100,000. @default 1024 */
  readonly maxGroup?: number | undefined
  /**
   * Where more requests than this wait, about half of them, but at least so many, share one transaction. For a store whose
   * fronts take their time after each commit: the next one is made meanwhile. 1..`maxGroup`.
   * @default `maxGroup`: all that wait share one
   */
  readonly minGroup?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Gets what a commit listener threw. @default a process warning */
  readonly onError?: ((error: unknown) => void) | undefined
}

export interface ResolvedOptions {
  /** An absolute path, or ':memory:'. */
  readonly file: string
  readonly mode: OpenMode
  readonly readOnly: boolean
  readonly codec: Codec
  readonly name: string
  readonly synchronous: 'full' | 'normal'
  readonly busyTimeoutMs: number
  readonly pollMs: () => number
  readonly maxGroup: number
  readonly minGroup: number
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

export const IN_MEMORY = ':memory:'

const NAMES: readonly (keyof SqliteBackOptions)[] = [
  'file',
  'mode',
  'readOnly',
  'codec',
  'name',
  'synchronous',
  'busyTimeoutMs',
  'pollMs',
  'maxGroup',
  'minGroup',
  'clock',
  'onError',
]

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveOptions(options: SqliteBackOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('createSqliteBack needs options: { file }')
  assertKnown(options, NAMES)
  const readOnly = flag('option readOnly', options.readOnly ?? false)
  const mode = oneOf('option mode', options.mode ?? (readOnly ? 'open' : 'open-or-create'), [
    'open-or-create',
    'create',
    'open',
  ])
  if (readOnly && mode !== 'open') throw new RangeError("option mode must be 'open' together with readOnly")
  const file = text('file', options.file)
  if (file === IN_MEMORY && mode === 'open') throw new RangeError("option mode 'open' and readOnly need a file")
  const maxGroup = wholeBetween('option maxGroup', options.maxGroup ?? 1024, 1, 100_000)
  return Object.freeze({
    file: file === IN_MEMORY ? file : resolve(file),
    mode,
    readOnly,
    codec: codecOption(options.codec),
    name: text('name', options.name ?? 'sqlite'),
    synchronous: oneOf('option synchronous', options.synchronous ?? 'full', ['full', 'normal']),
    busyTimeoutMs: between('option busyTimeoutMs', options.busyTimeoutMs ?? 5000, 0, 600_000),
    pollMs: interval(options.pollMs ?? 2),
    maxGroup,
    minGroup: wholeBetween('option minGroup', options.minGroup ?? maxGroup, 1, maxGroup),
    clock: clockOption(options.clock),
    onError: callback('option onError', options.onError ?? warn),
  })
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`option ${name} must be a string`)
  if (value === '' || value.includes('\0')) throw new RangeError(`option ${name} must not be empty or contain NUL`)
  return value
}

function interval(value: unknown): () => number {
  if (typeof value !== 'function') {
    const fixed = between('option pollMs', value, 0.1, 60_000)
    return () => fixed
  }
  return () => between('option pollMs', (value as () => unknown)(), 0.1, 60_000)
}

function warn(error: unknown): void {
  const warning = new Error('a commit listener of @tidemark/sqlite threw', { cause: error })
  warning.name = 'TidemarkWarning'
  process.emitWarning(warning)
}
