import { assertKnown, ClosedError, type Codec, oneOf, Payload, TidemarkError } from '@tidemark/core'
import { type AnyStore, backIn } from '../store-option.ts'
import { wallTime } from '../wall-time.ts'
import { Autosave } from './autosave.ts'
import { type Basis, basisAnew, basisOfDefault, type Captured, isUnchanged, noteStored, rebase } from './basis.ts'
import { load, type Loaded, valueIn, without } from './loaded.ts'
import { encodeState, type Moment } from './moment.ts'
import { type Save, Saves, storedIn } from './saves.ts'
import {
  type ReloadOptions,
  type ResolvedStatesOptions,
  resolveStatesOptions,
  type StatesOptions,
} from './states-options.ts'
import { Turns } from './turns.ts'

/** One variable of the application. */
export interface State<T> {
  readonly name: string
  /** Plain memory: it may be replaced, and what it holds may be changed. */
  value: T
}

interface Defined {
  readonly name: string
  value: unknown
  basis: Basis
}

/**
 * Variables of an application that are saved together, and are there again after a restart.
 */
export class States implements AsyncDisposable {
  readonly #saves: Saves
  readonly #codec: Codec
  readonly #options: ResolvedStatesOptions
  readonly #states = new Map<string, Defined>()
  /** With what they begin anew from. */
  readonly #forgotten = new Map<string, Basis>()
  /** Of saves and reloads: each goes on from what the one before has found. */
  readonly #turns = new Turns()
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
    const anew = this.#forgotten.get(name)
    this.#forgotten.delete(name)
    const state: Defined =
      loaded === undefined ? { name, value: byDefault, basis: anew ?? this.#basisOf(byDefault) } : { name, ...loaded }
    this.#states.set(name, state)
    return state as unknown as State<T>
  }

  /**
   * There is no such state any more: the next save is without it. Its earlier values stay in the saves that have them. It
   * may be defined again, and then begins with its default.
   */
  forget(name: string): void {
    this.#assertOpen()
    if (this.#forgotten.has(name)) return
    const state = this.#states.get(name)
    this.#states.delete(name)
    this.#forgotten.set(name, basisAnew(state ? state.basis.seen : this.#loaded && storedIn(this.#loaded.last, name)))
    this.#loaded = this.#loaded && without(this.#loaded, name)
  }

  /**
   * Saves all states as they are at the moment of the call, in one commit: all of them, or none. Durable when it resolves.
   * Saves and reloads are made in the order of the calls.
   * @throws TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, IO; ConflictError, with the option for it; TypeError for a
   * state that is undefined
   */
  async saveAll(): Promise<Save> {
    this.#assertOpen()
    const moment = this.#capture()
    return this.#turns.take(() => this.#save(moment))
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

  /**
   * Waits for the saves that were called; with autosave, saves what has changed. The store stays open.
   * @throws what the last autosave failed with, or this one
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #basisOf(byDefault: unknown): Basis {
    try {
      return basisOfDefault(byDefault === undefined ? undefined : Payload.encode(this.#codec, byDefault))
    } catch {
      // The save says so, unless it is replaced by then.
      return basisOfDefault(undefined)
    }
  }

  #capture(): Moment {
    const captured = new Map<string, Captured>()
    for (const { name, value, basis } of this.#states.values())
      captured.set(name, { payload: encodeState(this.#codec, name, value), basis })
    return { now: wallTime(this.#options.clock), states: captured, forgotten: new Map(this.#forgotten) }
  }

  async #save(moment: Moment): Promise<Save> {
    const save = await this.#saves.add(moment, (name, captured, number) => this.#stored(name, captured, number))
    for (const [name, basis] of moment.forgotten) {
      // It may have been defined and forgotten again since.
      if (this.#forgotten.get(name) === basis) this.#forgotten.delete(name)
    }
    this.#failure = undefined
    return save
  }

  #stored(name: string, captured: Captured, number: number): void {
    rebase(captured, number)
    const basis = this.#states.get(name)?.basis ?? this.#forgotten.get(name)
    if (basis !== undefined && basis !== captured.basis) noteStored(basis, number)
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
    await this.#turns.take(async () => {
      const loaded = await load(this.#saves, choose)
      // All are decoded before any is set.
      const found = new Map([...this.#states.keys()].map((name) => [name, loaded && valueIn(loaded, name)]))
      const lacking = [...found.keys()].filter((name) => found.get(name) === undefined)
      const isMissing = loaded === undefined || lacking.length > 0
      if ((missing === 'error' && isMissing) || (isNeeded && loaded === undefined)) {
        const what = loaded === undefined ? `${called} is not there` : `${lacking.join(', ')} is not in ${called}`
        throw new TidemarkError('NEVER_SAVED', `${what}; save first, or keep what is missing, with { missing: 'keep' }`)
      }
      if (loaded !== undefined) this.#take(loaded, found)
    })
  }

  #take(loaded: Loaded, found: ReadonlyMap<string, ReturnType<typeof valueIn>>): void {
    // What was forgotten, and is not yet saved so, stays it.
    this.#loaded = [...this.#forgotten.keys()].reduce(without, loaded)
    for (const [name, basis] of this.#forgotten) basis.seen = storedIn(loaded.last, name)
    for (const [name, value] of found) {
      if (value !== undefined) Object.assign(this.#states.get(name)!, value)
    }
  }

  /** Nothing is written when nothing has changed since the last save. */
  async #saveChanges(): Promise<void> {
    try {
      const moment = this.#capture()
      await this.#turns.take(async () => {
        if (this.#isToBeSaved(moment)) await this.#save(moment)
      })
      // Also when what could not be saved is again as it was.
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error }
      this.#options.onError(error)
      throw error
    }
  }

  /**
   * Told when it is its turn: by then, saves before it may have stored something else. What was restored is not saved by
   * itself.
   */
  #isToBeSaved({ states, forgotten }: Moment): boolean {
    if (this.#saves.isInDoubt || [...forgotten].some(([name, basis]) => this.#forgotten.get(name) === basis))
      return true
    return [...states.values()].some((captured) => captured.basis.isNew || !isUnchanged(captured))
  }

  async #close(): Promise<void> {
    this.#autosave?.stop()
    if (this.#autosave !== undefined) await this.#saveChanges()
    await this.#turns.idle()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('the states')
  }
}

/** The states that are kept in a store, with what was saved last. */
export async function states(store: AnyStore, options: StatesOptions = {}): Promise<States> {
  const resolved = resolveStatesOptions(options)
  const back = backIn(store)
  const saves = new Saves(back, resolved)
  return new States(resolved, saves, back.codec, await load(saves, (all) => all.at(-1)))
}
