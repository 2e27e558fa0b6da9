import {
  assertKnown,
  callback,
  type Clock,
  clockOption,
  ClosedError,
  type Codec,
  CorruptError,
  duration,
  oneOf,
  type Payload,
  port,
  TidemarkError,
  wholeBetween,
} from '@tidemark/core'
import { type AnyStore, backIn, checkName } from '../store-option.ts'
import { type Candidate, encodeState, type Save, Saves } from './saves.ts'

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

/** One variable of the application. */
export interface State<T> {
  readonly name: string
  /** Plain memory: it may be replaced, and what it holds may be changed. */
  value: T
}

interface Defined {
  readonly name: string
  value: unknown
  /** The value as it was last saved or loaded, and by which save it was stored. */
  saved: { readonly payload: Payload; readonly storedBy: number } | undefined
}

/**
 * Variables of an application that are saved together, and are there again after a restart.
 */
export class States implements AsyncDisposable {
  readonly #saves: Saves
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #states = new Map<string, Defined>()
  #loaded: Loaded | undefined
  #autosave: AutosaveOptions | undefined
  #cancel = (): void => {}
  #failure: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(parts: {
    readonly saves: Saves
    readonly codec: Codec
    readonly clock: Clock
    readonly onError: (error: unknown) => void
    readonly loaded: Loaded | undefined
    readonly autosave: AutosaveOptions | undefined
  }) {
    this.#saves = parts.saves
    this.#codec = parts.codec
    this.#clock = parts.clock
    this.#onError = parts.onError
    this.#loaded = parts.loaded
    this.#autosave = parts.autosave
    this.#cancel = this.#schedule()
  }

  /**
   * The state of this name: with the value of the last save, if there is one, or else the default. The same one when it
   * is asked for again.
   * @throws CorruptError when what was saved cannot be decoded: an older save may be restored
   */
  define<T>(name: string, byDefault: T): State<T> {
    this.#assertOpen()
    checkName(name)
    const known = this.#states.get(name)
    if (known !== undefined) return known as unknown as State<T>
    const loaded = this.#loaded && valueIn(this.#loaded, name)
    const state: Defined = { name, value: loaded === undefined ? byDefault : loaded.value, saved: loaded?.saved }
    this.#states.set(name, state)
    return state as unknown as State<T>
  }

  /**
   * Saves all states as they are at the moment of the call, in one commit: all of them, or none. Durable when it resolves.
   * @throws TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, IO; TypeError for a state that is undefined
   */
  async saveAll(): Promise<Save> {
    this.#assertOpen()
    return this.#save(this.#candidates())
  }

  /**
   * Sets all states back to the last save, whoever made it: all of them, or, when it rejects, none.
   * @throws TidemarkError NEVER_SAVED, CORRUPT
   */
  async reloadAll(options: ReloadOptions = {}): Promise<void> {
    await this.#reload((saves) => saves.at(-1), options, 'the last save')
  }

  /** The same with a certain one of the {@link saves}. It is not saved again by that. */
  async restore(number: number, options: ReloadOptions = {}): Promise<void> {
    await this.#reload((saves) => saves.find((save) => save.number === number), options, `save ${number}`)
  }

  /** Those that are kept, oldest first. */
  async saves(): Promise<readonly Save[]> {
    this.#assertOpen()
    return this.#saves.list()
  }

  /** With autosave, saves what has changed. The store stays open. @throws what the last autosave failed with, or this one */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #candidates(): ReadonlyMap<string, Candidate> {
    const candidates = new Map<string, Candidate>()
    for (const { name, value, saved } of this.#states.values()) {
      const payload = encodeState(this.#codec, name, value)
      const isSame = saved !== undefined && saved.payload.isSameAs(payload)
      candidates.set(name, { payload, unchangedSince: isSame ? saved.storedBy : undefined })
    }
    return candidates
  }

  async #save(candidates: ReadonlyMap<string, Candidate>): Promise<Save> {
    const save = await this.#saves.add(candidates, this.#clock.now())
    for (const [name, { payload }] of candidates) {
      this.#states.get(name)!.saved = { payload, storedBy: save.values[name]! }
    }
    this.#failure = undefined
    return save
  }

  async #reload(
    choose: (saves: readonly Save[]) => Save | undefined,
    options: ReloadOptions,
    called: string,
  ): Promise<void> {
    this.#assertOpen()
    assertKnown(options, ['missing'])
    const missing = oneOf('option missing', options.missing ?? 'error', ['error', 'keep'])
    const loaded = await load(this.#saves, choose)
    // All are decoded before any is set.
    const found = new Map([...this.#states.keys()].map((name) => [name, loaded && valueIn(loaded, name)]))
    const lacking = [...found.keys()].filter((name) => found.get(name) === undefined)
    if (missing === 'error' && (loaded === undefined || lacking.length > 0)) {
      const what = loaded === undefined ? `there is no ${called}` : `${lacking.join(', ')} is not in ${called}`
      throw new TidemarkError('NEVER_SAVED', `${what}; save first, or keep what is missing, with { missing: 'keep' }`)
    }
    if (loaded === undefined) return
    this.#loaded = loaded
    for (const [name, value] of found) if (value !== undefined) Object.assign(this.#states.get(name)!, value)
  }

  #schedule(): () => void {
    const { everyMs, exit } = this.#autosave ?? {}
    const stopWaiting = exit?.onExit(() => this.#saveChanges())
    let cancel = (): void => {}
    let isStopped = false
    const again = (): void => {
      if (isStopped) return
      cancel = this.#clock.schedule(
        everyMs!,
        () =>
          void this.#saveChanges()
            .catch(() => undefined)
            .then(again),
      )
    }
    if (everyMs !== undefined) again()
    return () => {
      isStopped = true
      stopWaiting?.()
      cancel()
    }
  }

  /** Nothing is written when nothing has changed since the last save. */
  async #saveChanges(): Promise<void> {
    try {
      const candidates = this.#candidates()
      const isChanged = Array.from(candidates.values()).some(({ unchangedSince }) => unchangedSince === undefined)
      if (isChanged) await this.#save(candidates)
    } catch (error) {
      this.#failure = { error }
      this.#onError(error)
      throw error
    }
  }

  async #close(): Promise<void> {
    this.#cancel()
    if (this.#autosave !== undefined) await this.#saveChanges()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the states')
  }
}

/** The states that are kept in a store, with what was saved last. */
export async function states(store: AnyStore, options: StatesOptions = {}): Promise<States> {
  assertKnown(options, ['name', 'keepSaves', 'autosave', 'clock', 'onError'] satisfies (keyof StatesOptions)[])
  const back = backIn(store)
  const keep = wholeBetween('option keepSaves', options.keepSaves ?? 10, 1, 1_000)
  const clock = clockOption(options.clock)
  const onError = callback('option onError', options.onError ?? toConsole)
  const autosave = options.autosave && autosaveOptions(options.autosave)
  const saves = new Saves(back, checkName(options.name ?? 'states'), keep)
  const loaded = await load(saves, (all) => all.at(-1))
  return new States({ saves, codec: back.codec, clock, onError, autosave, loaded })
}

function autosaveOptions(options: AutosaveOptions): AutosaveOptions {
  assertKnown(options, ['everyMs', 'exit'] satisfies (keyof AutosaveOptions)[], 'autosave')
  const { everyMs, exit } = options
  if (everyMs !== undefined && duration('option everyMs', everyMs) < 1)
    throw new RangeError('option everyMs must be at least 1')
  if (exit !== undefined) port('option exit', exit, ['onExit'])
  return { everyMs, exit }
}

interface Loaded {
  readonly save: Save
  readonly payloads: ReadonlyMap<string, Payload>
}

/** Others may save meanwhile, and with that remove what is read here: then there are newer ones. */
async function load(saves: Saves, choose: (saves: readonly Save[]) => Save | undefined): Promise<Loaded | undefined> {
  let save = choose(await saves.list())
  while (save !== undefined) {
    const payloads = await saves.values(save)
    const { number } = save
    if (payloads.size === Object.keys(save.values).length) return { save, payloads }
    save = choose(await saves.list())
    if (save?.number === number) return { save, payloads }
  }
  return undefined
}

/** @throws CorruptError when it was saved, and cannot be had any more */
function valueIn({ save, payloads }: Loaded, name: string): Pick<Defined, 'value' | 'saved'> | undefined {
  const storedBy = Object.hasOwn(save.values, name) ? save.values[name] : undefined
  if (storedBy === undefined) return undefined
  const payload = payloads.get(name)
  const what = `the state ${name} of save ${save.number} cannot be read; restore() an older one of the saves()`
  if (payload === undefined) throw new CorruptError(what, { key: name })
  try {
    return { value: payload.decode(), saved: { payload, storedBy } }
  } catch (cause) {
    throw new CorruptError(what, { key: name, cause })
  }
}

function toConsole(error: unknown): void {
  console.error('tidemark: states could not be saved:', error)
}
