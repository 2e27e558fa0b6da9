import { assertKnown, ClosedError, type Codec, oneOf, Payload, TidemarkError } from '@tidemark/core'
import { type AnyStore, backIn } from '../store-option.ts'
import { wallTime } from '../wall-time.ts'
import { Autosave } from './autosave.ts'
import { load, type Loaded, type SavedValue, valueIn, without } from './loaded.ts'
import { type Candidate, encodeState, type Save, Saves } from './saves.ts'
import {
  type ReloadOptions,
  type ResolvedStatesOptions,
  resolveStatesOptions,
  type StatesOptions,
} from './states-options.ts'

/** One variable of the application. */
export interface State<T> {
  readonly name: string
  /** Plain memory: it may be replaced, and what it holds may be changed. */
  value: T
}

interface Defined {
  readonly name: string
  value: unknown
  /** undefined: it is this process's own, whatever others have saved. */
  saved: SavedValue | undefined
  /** No save has been made since it was defined, and none had it. */
  isNew: boolean
}

/**
 * Variables of an application that are saved together, and are there again after a restart.
 */
export class States implements AsyncDisposable {
  readonly #saves: Saves
  readonly #codec: Codec
  readonly #options: ResolvedStatesOptions
  readonly #states = new Map<string, Defined>()
  readonly #forgotten = new Set<string>()
  readonly #autosave: Autosave | undefined
  #loaded: Loaded | undefined
  #failure: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedStatesOptions, saves: Saves, codec: Codec, loaded: Loaded | undefined) {
    this.#options = options
    this.#saves = saves
    this.#codec = codec
    this.#loaded = loaded
    const { autosave, clock } = options
    this.#autosave = autosave && new Autosave(autosave, clock, () => this.#saveChanges())
  }

  /**
   * The state of this name: with the value of the last save that was there when the states were opened, or reloaded, if there
   * is one, or else the default. The same one when it is asked for again.
   * @throws CorruptError when what was saved cannot be decoded: an older save may be restored
   */
  define<T>(name: string, byDefault: T): State<T> {
    this.#assertOpen()
    this.#saves.checkName(name)
    const known = this.#states.get(name)
    if (known !== undefined) return known as unknown as State<T>
    const loaded = this.#loaded && valueIn(this.#loaded, name)
    // What was forgotten here is not to come back with its old value.
    const isAnew = this.#forgotten.delete(name)
    const saved = loaded === undefined ? this.#default(byDefault, isAnew) : loaded.saved
    const value = loaded === undefined ? byDefault : loaded.value
    const state: Defined = { name, value, saved, isNew: loaded === undefined }
    this.#states.set(name, state)
    return state as unknown as State<T>
  }

  /**
   * There is no such state any more: the next save is without it. Its earlier values stay in the saves that have them. It
   * may be defined again, and then begins with its default.
   */
  forget(name: string): void {
    this.#assertOpen()
    this.#states.delete(name)
    this.#forgotten.add(name)
    this.#loaded = this.#loaded && without(this.#loaded, name)
  }

  /**
   * Saves all states as they are at the moment of the call, in one commit: all of them, or none. Durable when it resolves.
   * @throws TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, IO; ConflictError, with the option for it; TypeError for a
   * state that is undefined
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
    const find = (saves: readonly Save[]): Save | undefined => saves.find((save) => save.number === number)
    await this.#reload(find, options, `save ${number}`, true)
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

  #default(value: unknown, isAnew: boolean): SavedValue | undefined {
    if (isAnew || value === undefined) return undefined
    try {
      return { payload: Payload.encode(this.#codec, value), storedBy: undefined, seen: undefined, isOld: false }
    } catch {
      // The save says so, unless it is replaced by then.
      return undefined
    }
  }

  #candidates(): ReadonlyMap<string, Candidate> {
    const candidates = new Map<string, Candidate>()
    for (const { name, value, saved } of this.#states.values()) {
      const payload = encodeState(this.#codec, name, value)
      const isSame = saved !== undefined && saved.payload.isSameAs(payload)
      const storedBy = isSame ? saved.storedBy : undefined
      candidates.set(name, { payload, storedBy, seen: saved?.seen, isOwn: !isSame || saved.isOld })
    }
    return candidates
  }

  async #save(candidates: ReadonlyMap<string, Candidate>): Promise<Save> {
    const forgotten = new Set(this.#forgotten)
    const save = await this.#saves.add(candidates, { now: wallTime(this.#options.clock), forgotten })
    for (const [name, { payload, storedBy }] of candidates) {
      const state = this.#states.get(name)
      if (state === undefined) continue
      state.isNew = false
      const current = save.values[name]!
      // Otherwise it is what another process has saved, which this one does not have.
      const isThis = current === save.number || current === storedBy
      if (isThis) state.saved = { payload, storedBy: current, seen: current, isOld: false }
    }
    for (const name of forgotten) this.#forgotten.delete(name)
    this.#failure = undefined
    return save
  }

  async #reload(
    choose: (saves: readonly Save[]) => Save | undefined,
    options: ReloadOptions,
    called: string,
    isNeeded = false,
  ): Promise<void> {
    this.#assertOpen()
    assertKnown(options, ['missing'])
    const missing = oneOf('option missing', options.missing ?? 'error', ['error', 'keep'])
    const loaded = await load(this.#saves, choose)
    // All are decoded before any is set.
    const found = new Map([...this.#states.keys()].map((name) => [name, loaded && valueIn(loaded, name)]))
    const lacking = [...found.keys()].filter((name) => found.get(name) === undefined)
    const isMissing = loaded === undefined || lacking.length > 0
    if ((missing === 'error' && isMissing) || (isNeeded && loaded === undefined)) {
      const what = loaded === undefined ? `${called} is not there` : `${lacking.join(', ')} is not in ${called}`
      throw new TidemarkError('NEVER_SAVED', `${what}; save first, or keep what is missing, with { missing: 'keep' }`)
    }
    if (loaded === undefined) return
    // What was forgotten, and is not yet saved so, stays it.
    this.#loaded = [...this.#forgotten].reduce(without, loaded)
    for (const [name, value] of found) {
      if (value !== undefined) Object.assign(this.#states.get(name)!, value, { isNew: false })
    }
  }

  /** Nothing is written when nothing has changed since the last save. */
  async #saveChanges(): Promise<void> {
    try {
      const candidates = this.#candidates()
      const isChanged =
        this.#forgotten.size > 0 ||
        Array.from(this.#states.values()).some((state) => isToBeSaved(state, candidates.get(state.name)!))
      if (isChanged) await this.#save(candidates)
      // Also when what could not be saved is again as it was.
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error }
      this.#options.onError(error)
      throw error
    }
  }

  async #close(): Promise<void> {
    this.#autosave?.stop()
    if (this.#autosave !== undefined) await this.#saveChanges()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the states')
  }
}

/** Whether an autosave has something to do; what was restored is not saved by itself. */
function isToBeSaved({ saved, isNew }: Defined, { payload }: Candidate): boolean {
  return isNew || saved === undefined || !saved.payload.isSameAs(payload)
}

/** The states that are kept in a store, with what was saved last. */
export async function states(store: AnyStore, options: StatesOptions = {}): Promise<States> {
  const resolved = resolveStatesOptions(options)
  const back = backIn(store)
  const saves = new Saves(back, resolved)
  return new States(resolved, saves, back.codec, await load(saves, (all) => all.at(-1)))
}
