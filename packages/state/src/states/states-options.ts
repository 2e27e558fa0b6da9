import { assertKnown, callback, type Clock, clockOption, duration, oneOf, port, wholeBetween } from '@tidemark/core'
import { checkName } from '../store-option.ts'

/** What tells that the process is about to end, and waits; `onProcessExit` of `tidemark` is one. */
export interface ExitPort {
  /** The returned function takes it back. */
  onExit(task: () => Promise<void>): () => void
}

export interface StatesOptions {
  /** Of these states in the store. @default 'states' */
  readonly name?: string | undefined
  /** So many saves are kept, 1 to 1000. @default 10 */
  readonly keepSaves?: number | undefined
  readonly autosave?: AutosaveOptions | undefined
  /**
   * What becomes of a state that this process has changed, when another one has saved it meanwhile: the save `overwrite`s it, or
   * is an `error`, CONFLICT, and saves nothing. What was not changed here is never written over what others have saved.
   * @default 'overwrite'
   */
  readonly onConflict?: 'overwrite' | 'error' | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Gets what an autosave failed with; `close()` rejects with it, unless a later save succeeds. @default the console */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Saves when something has changed. `close()` does too, when there is any autosave. */
export interface AutosaveOptions {
  /** @default never by time */
  readonly everyMs?: number | undefined
  /** @default not */
  readonly exit?: ExitPort | undefined
}

export interface ReloadOptions {
  /** What to do about states that were never saved. @default 'error' */
  readonly missing?: 'error' | 'keep' | undefined
}

const NAMES: readonly string[] = [
  'name',
  'keepSaves',
  'autosave',
  'onConflict',
  'clock',
  'onError',
] satisfies (keyof StatesOptions)[]

export interface ResolvedStatesOptions {
  readonly name: string
  readonly keepSaves: number
  readonly autosave: AutosaveOptions | undefined
  readonly onConflict: 'overwrite' | 'error'
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** @throws TypeError or RangeError that names the option and what is allowed */
export function resolveStatesOptions(options: StatesOptions): ResolvedStatesOptions {
  assertKnown(options, NAMES)
  return Object.freeze({
    name: checkName(options.name ?? 'states'),
    keepSaves: wholeBetween('option keepSaves', options.keepSaves ?? 10, 1, 1_000),
    autosave: options.autosave && autosaveOptions(options.autosave),
    onConflict: oneOf('option onConflict', options.onConflict ?? 'overwrite', ['overwrite', 'error']),
    clock: clockOption(options.clock),
    onError: callback('option onError', options.onError ?? toConsole),
  })
}

function autosaveOptions(options: AutosaveOptions): AutosaveOptions {
  assertKnown(options, ['everyMs', 'exit'] satisfies (keyof AutosaveOptions)[], 'autosave')
  const { everyMs, exit } = options
  if (everyMs !== undefined && duration('option everyMs', everyMs) < 1)
    throw new RangeError('option everyMs must be at least 1')
  if (exit !== undefined) port('option exit', exit, ['onExit'])
  return { everyMs, exit }
}

function toConsole(error: unknown): void {
  console.error('tidemark: states could not be saved:', error)
}
